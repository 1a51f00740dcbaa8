// SPDX-License-Identifier: Apache-2.0

// Opa-ratify is OPA with built-ins that fetch and verify what is attached to a
// container image. Every command of OPA is here and knows them.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/open-policy-agent/opa/cmd"
	"github.com/open-policy-agent/opa/v1/config"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/runtime"
	"github.com/open-policy-agent/opa/v1/sdk"
	"github.com/spf13/cobra"

	"github.com/opa-ratify/opa-ratify/builtins"
	"github.com/opa-ratify/opa-ratify/builtins/command"
	"github.com/opa-ratify/opa-ratify/builtins/command/migrate"
	"github.com/opa-ratify/opa-ratify/builtins/plugin"
	"github.com/opa-ratify/opa-ratify/cmd/opa-ratify/lint"
	"github.com/opa-ratify/opa-ratify/cmd/opa-ratify/scaffold"
	"github.com/opa-ratify/opa-ratify/rego"
)

func main() { os.Exit(run()) }

// run registers what OPA lacks, then hands over to OPA. It returns the process's
// exit code.
func run() int {
	builtins.Register()
	rego.Install()
	c := root()
	installPlugin(c)
	cmd.UserAgent(userAgent())
	defer func() { _ = builtins.Close() }() // costs speed at the next start only
	if ran, err := c.ExecuteC(); err != nil {
		if exit, ok := errors.AsType[*cmd.ExitError](err); ok {
			return exit.Exit
		}
		return misused(ran)
	}
	return 0
}

// misused is the exit code of a command that cannot make sense of its flags and
// arguments: 1 as in OPA, but where 1 is an answer ("rejected") it is 2.
func misused(c *cobra.Command) int {
	switch c.Name() {
	case "verify", "discover", "resolve", "capture", "lint", "migrate":
		return 2
	default:
		return 1
	}
}

// installPlugin makes `run`, the REPL and `exec` start the plugin, configured or
// not. Exec uses OPA's SDK, which has options of its own; its hooks reach the
// manager only this way.
func installPlugin(root *cobra.Command) {
	caches := &plugin.Caches{}
	factory := plugin.Factory{Caches: caches, UserAgent: userAgent()}
	runtime.RegisterPlugin(plugin.Name, factory)
	runtime.RegisterHook(&plugin.Ensure{})
	runtime.RegisterHook(&plugin.Once{File: configFile(root, "run")})
	runtime.RegisterHook(serving{})
	runtime.RegisterHook(&plugin.QueryCacheHook{Caches: caches})
	runtime.RegisterHook(&plugin.ValueCacheHook{Caches: caches})
	sdk.SetDefaultOptions(sdk.Options{
		Plugins: map[string]plugins.Factory{plugin.Name: factory},
		ManagerOpts: []func(*plugins.Manager){func(m *plugins.Manager) {
			m.AppendHook(&plugin.Ensure{})
			m.AppendHook(&plugin.Once{File: configFile(root, "exec")})
		}},
	})
}

// configFile returns what tells the configuration file of a command of OPA's.
func configFile(root *cobra.Command, name string) func() string {
	return func() string {
		for _, c := range root.Commands() {
			if c.Name() == name {
				return c.Flags().Lookup("config-file").Value.String()
			}
		}
		return ""
	}
}

// serving is a hook of OPA's server: whatever policies are loaded, the plugin
// asks data.ratify.gatekeeper, and the API server data.ratify.admission.
type serving struct{}

// OnConfig runs before the first policy is compiled.
//
//nolint:unparam // the interface is OPA's
func (serving) OnConfig(_ context.Context, c *config.Config) (*config.Config, error) {
	rego.Always("gatekeeper", "admission")
	easeCollector()
	return c, nil
}

func userAgent() string { return "opa-ratify/" + version }

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
	c.AddCommand(command.All()...)
	c.AddCommand(lint.Command(), scaffold.Command(), migrate.Command())
	for _, sub := range c.Commands() {
		switch sub.Name() {
		case "run":
			quiet(sub)
			quick(sub)
		case "version":
			sub.RunE = printVersion
		}
	}
	return c
}

// quick makes `run` keep data as the terms that evaluation wants, unless told
// otherwise: a trust document is converted when it changes and not for each image.
func quick(run *cobra.Command) { preset(run, "optimize-store-for-read-speed") }

// quiet makes `run` ask nobody for new releases unless told to: an admission
// component does not phone home.
func quiet(run *cobra.Command) { preset(run, "skip-version-check") }

// preset makes a boolean flag default to true.
func preset(c *cobra.Command, name string) {
	flag := c.Flags().Lookup(name)
	flag.DefValue = "true"
	_ = flag.Value.Set("true") // a boolean flag accepts "true"
}
