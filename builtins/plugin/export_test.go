// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"time"

	"github.com/open-policy-agent/opa/v1/plugins"
)

// KeysStatus is what the key providers make of the plugin's status.
var KeysStatus = keysStatus //nolint:gochecknoglobals // for tests

// TagTTL is a setting of the configuration in force.
func TagTTL(p plugins.Plugin) time.Duration {
	return p.(*Plugin).config.Load().Cache.TagTTL //nolint:forcetypeassert // a panic says as much
}
