// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime/debug"

	"github.com/open-policy-agent/opa/v1/ast"
	opaversion "github.com/open-policy-agent/opa/v1/version"
	"github.com/spf13/cobra"
)

// version is ours, set by the linker.
var version = "dev" //nolint:gochecknoglobals // -ldflags -X needs a variable

// printVersion says which opa-ratify this is and which OPA it is made of.
func printVersion(c *cobra.Command, _ []string) error {
	_, err := fmt.Fprintf(c.OutOrStdout(), "opa-ratify: %s\nOPA: %s\nGo: %s\nPlatform: %s\nRego: %s\n",
		version, opaModule(), opaversion.GoVersion, opaversion.Platform, ast.DefaultRegoVersion)
	return err
}

// opaModule is the version of OPA's module in this binary; the linker may have
// replaced the one OPA prints by ours.
func opaModule() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return opaversion.Version
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/open-policy-agent/opa" {
			return m.Version
		}
	}
	return opaversion.Version
}
