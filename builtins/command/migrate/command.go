// SPDX-License-Identifier: Apache-2.0

// Package migrate is the command `opa-ratify migrate`: it turns what Ratify was
// configured with into a bundle and the plugin's configuration.
//
//	files ──source──▶ values ──resource──▶ resources ──translate──▶ plan ──▶ files, report
//	                                                                 └─check─▶ (the engine)
//
// Nothing of the cluster or of a registry is asked, nothing is executed, and no
// secret is copied.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/open-policy-agent/opa/cmd"
	"github.com/spf13/cobra"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/translate"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

// The exit codes.
const (
	exitAttention  = 1 // something has no counterpart, or has to be completed
	exitUnreadable = 2
)

// options are the flags.
type options struct {
	directory string
	output    string
	force     bool
}

// Command returns `opa-ratify migrate`. It exits with 0 if everything was
// migrated, with 1 if something has no counterpart or is incomplete, and with 2 if
// something could not be read; then nothing is written.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "migrate FILE|DIR…",
		Short: "Turn Ratify's configuration into a bundle",
		Long: `Migrate reads Ratify's custom resources (Store, Verifier, KeyManagementProvider,
CertificateStore, Policy, the Namespaced ones, Executor), its config.json and the
values of its Helm charts. It writes a bundle that decides as Ratify does, with a
configuration for opa-ratify, and reports what has no counterpart, what becomes
stricter and what has to be completed. Secrets are never copied.

The exit code is 0 if everything was migrated, 1 if something needs attention, and
2 if something could not be read.`,
		Example: `  kubectl get stores,verifiers,policies,keymanagementproviders.config.ratify.deislabs.io -o yaml > ratify.yaml
  opa-ratify migrate ratify.yaml -o acme-trust
  opa-ratify test acme-trust
  opa-ratify run --server -b acme-trust -c acme-trust/config.yaml

  # Only the report, for machines
  opa-ratify migrate values.yaml --output json`,
		Args:         cobra.MinimumNArgs(1),
		SilenceUsage: true,
		RunE:         func(c *cobra.Command, args []string) error { return run(c, o, args) },
	}
	c.Flags().StringVarP(&o.directory, "out", "o", "", "folder for the bundle and config.yaml; without it there is only the report")
	c.Flags().StringVar(&o.output, "output", "table", "form of the report: table or json")
	c.Flags().BoolVar(&o.force, "force", false, "write into a folder that is not empty")
	return c
}

func run(c *cobra.Command, o options, paths []string) error {
	if o.output != "table" && o.output != "json" {
		return fail(c, fmt.Errorf("--output %q: not known; write table or json", o.output))
	}
	findings := &finding.List{}
	set := &resource.Set{}
	for _, d := range source.Read(paths, c.InOrStdin(), findings) {
		set.Add(d)
	}
	if set.Empty() && !findings.Has(is(finding.Unreadable)) {
		findings.Add(finding.Unreadable, finding.Place{}, "nothing of Ratify's was found", "")
	}
	if findings.Has(is(finding.Unreadable)) {
		return report(c, o, finding.Summary{Findings: findings.Sorted(), Written: []string{}}, exitUnreadable)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // paths with ~ are left alone
	}
	files, err := convert(c.Context(), set, home, findings)
	if err != nil {
		return fail(c, err)
	}
	written, err := write(o, files)
	if err != nil {
		return fail(c, err)
	}
	exit := 0
	if findings.Has(finding.Kind.NeedsSomebody) {
		exit = exitAttention
	}
	return report(c, o, finding.Summary{Findings: findings.Sorted(), Written: written}, exit)
}

// convert translates, checks what came out, and returns the files.
func convert(ctx context.Context, set *resource.Set, home string, findings *finding.List) (map[string][]byte, error) {
	plan := translate.Translate(set, translate.Options{
		Home: home, Certificates: translate.CertificateFiles, Configurable: service.CheckElsewhere,
	}, findings)
	set.Unread()
	engine, err := service.Current() //nolint:contextcheck // it outlives the call
	if err != nil {
		return nil, err
	}
	err = plan.Check(func(raw []byte) error {
		_, err := engine.ParseTrust(ctx, raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	return plan.Files()
}

func is(wanted finding.Kind) func(finding.Kind) bool {
	return func(k finding.Kind) bool { return k == wanted }
}

func report(c *cobra.Command, o options, s finding.Summary, exit int) error {
	printed := s.Table
	if o.output == "json" {
		printed = s.JSON
	}
	if err := printed(c.OutOrStdout()); err != nil {
		return fail(c, err)
	}
	return leave(c, exit)
}

// leave ends with an exit code and no further word.
func leave(c *cobra.Command, exit int) error {
	if exit == 0 {
		return nil
	}
	c.SilenceErrors = true
	return &cmd.ExitError{Exit: exit}
}

func fail(c *cobra.Command, err error) error {
	if _, printed := fmt.Fprintln(c.ErrOrStderr(), "error: migrate:", err); printed != nil {
		return errors.Join(err, printed)
	}
	return leave(c, exitUnreadable)
}

// write writes the files below the folder, which must be empty or new.
func write(o options, files map[string][]byte) ([]string, error) {
	written := []string{}
	if o.directory == "" {
		return written, nil
	}
	if !o.force {
		if err := vacant(o.directory); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(o.directory, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a bundle is no secret
			return nil, err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil { //nolint:gosec // a bundle is no secret
			return nil, err
		}
		written = append(written, path)
	}
	return written, nil
}

func vacant(directory string) error {
	f, err := os.Open(directory)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Readdirnames(1)
	if closed := f.Close(); closed != nil {
		return closed
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%s is not empty; name another folder, or add --force", directory)
}
