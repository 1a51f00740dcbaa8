// SPDX-License-Identifier: Apache-2.0

// Opa-ratify is OPA with built-ins that fetch and verify what is attached to a
// container image. Every command of OPA is here and knows them.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/open-policy-agent/opa/cmd"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/runtime"
	"github.com/open-policy-agent/opa/v1/sdk"
	"github.com/spf13/cobra"

	"github.com/opa-ratify/opa-ratify/builtins"
	"github.com/opa-ratify/opa-ratify/builtins/plugin"
	"github.com/opa-ratify/opa-ratify/rego"
)

func main() { os.Exit(run()) }

// run registers what OPA lacks, then hands over to OPA. It returns the process's
// exit code.
func run() int {
	builtins.Register()
	if err := rego.Install(); err != nil {
		fmt.Fprintln(os.Stderr, "error: embedded Rego library:", err)
		return 2
	}
	installPlugin()
	cmd.UserAgent("opa-ratify/" + version)
	if err := root().Execute(); err != nil {
		if exit, ok := errors.AsType[*cmd.ExitError](err); ok {
			return exit.Exit
		}
		return 1
	}
	return 0
}

// installPlugin makes `run`, the REPL and `exec` start the plugin, configured or
// not. Exec uses OPA's SDK, which has options of its own; its hooks reach the
// manager only this way.
func installPlugin() {
	runtime.RegisterPlugin(plugin.Name, plugin.Factory{})
	hooks := plugin.Hooks()
	for _, h := range hooks {
		runtime.RegisterHook(h)
	}
	sdk.SetDefaultOptions(sdk.Options{
		Plugins: map[string]plugins.Factory{plugin.Name: plugin.Factory{}},
		ManagerOpts: []func(*plugins.Manager){func(m *plugins.Manager) {
			for _, h := range hooks {
				m.AppendHook(h)
			}
		}},
	})
}

func root() *cobra.Command {
	c := cmd.Command(&cobra.Command{
		Use:   "opa-ratify",
		Short: "OPA that verifies what is attached to container images",
		Long: `opa-ratify is the Open Policy Agent with built-ins that fetch and verify the
signatures attached to container images. Trust is written in Rego.

  opa-ratify eval 'ratify.verify("registry.example/app:v1").verdict'
  opa-ratify run --server -b bundles/default`,
		Version: version,
	}, "opa-ratify")
	for _, sub := range c.Commands() {
		switch sub.Name() {
		case "run":
			quiet(sub)
		case "version":
			sub.RunE = printVersion
		}
	}
	return c
}

// quiet makes `run` ask nobody for new releases unless told to: an admission
// component does not phone home.
func quiet(run *cobra.Command) {
	flag := run.Flags().Lookup("skip-version-check")
	flag.DefValue = "true"
	_ = flag.Value.Set("true") // a boolean flag accepts "true"
}
