// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/hashicorp/vault/sdk/helper/consts"

// noPlugins is a [vault.BuiltinRegistry]: what there is, is compiled in and supported.
type noPlugins struct{}

func (noPlugins) Contains(string, consts.PluginType) bool { return false }

func (noPlugins) Get(string, consts.PluginType) (func() (any, error), bool) { return nil, false }

func (noPlugins) Keys(consts.PluginType) []string { return nil }

func (noPlugins) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, true
}
