// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/open-policy-agent/opa/cmd"
	"github.com/spf13/cobra"
)

// Command returns `lint`. It exits with 0 if there is nothing worse than a
// warning, with 1 if there are errors, with 2 if something could not be read or a
// rule could not be evaluated. The built-ins of this program must be registered.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "lint [BUNDLE...]",
		Short: "Find mistakes in trust policies",
		Long: `Find mistakes in trust policies that compile and pass their tests, but admit what
they should not: unanchored patterns, traps of undefined, trust that is wider than
it looks. A BUNDLE is a directory, a .tar.gz or a single file; the default is the
current directory.

  opa-ratify lint bundles/default
  opa-ratify lint --output sarif policy > lint.sarif

A comment on or above a line silences one rule there, and must say why:

  # lint:ignore any-identity the store holds one certificate, of the release key

Exit code: 0 no errors, 1 errors (with --strict also warnings), 2 could not tell.`,
		RunE: func(c *cobra.Command, args []string) error {
			c.SilenceErrors, c.SilenceUsage = true, true
			return o.exit(c, args)
		},
	}
	c.Flags().StringVarP(&o.output, "output", "o", "table", "table, json, sarif or github")
	c.Flags().StringArrayVar(&o.rules, "rules", nil, "directory with rules of your own, packages lint.rules.<name> (repeatable)")
	c.Flags().BoolVar(&o.strict, "strict", false, "warnings are errors")
	c.Flags().BoolVar(&o.list, "list", false, "list the rules (table or json) and stop")
	return c
}

// options are the flags of the command.
type options struct {
	output string
	rules  []string // directories
	strict bool
	list   bool
}

func (o options) exit(c *cobra.Command, bundles []string) error {
	failed, err := o.run(c.Context(), c.OutOrStdout(), bundles)
	switch {
	case err != nil:
		fmt.Fprintln(c.ErrOrStderr(), "error:", err)
		return &cmd.ExitError{Exit: 2}
	case failed:
		return &cmd.ExitError{Exit: 1}
	default:
		return nil
	}
}

// run lints and prints. It reports whether there are errors.
func (o options) run(ctx context.Context, out io.Writer, bundles []string) (failed bool, err error) {
	write, found := writers()[o.output]
	if !found {
		return false, fmt.Errorf("--output %q is not table, json, sarif or github", o.output)
	}
	linter, err := newLinter(ctx, o.rules)
	if err != nil {
		return false, err
	}
	if o.list {
		return false, writeRules(out, o.output, linter.rules)
	}
	if len(bundles) == 0 {
		bundles = []string{"."}
	}
	report, err := linter.lint(ctx, bundles)
	if err != nil {
		return false, err
	}
	if o.strict {
		report.promote()
	}
	return report.failed(), write(out, report)
}

// lint reads and judges the bundles, each on its own. The error joins those of
// all that could not be read.
func (l *linter) lint(ctx context.Context, bundles []string) (report, error) {
	r := report{rules: l.rules}
	var unread []error
	for _, path := range bundles {
		b, err := readBundle(path)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		if err := l.judge(ctx, b, &r); err != nil {
			unread = append(unread, err)
		}
	}
	slices.SortFunc(r.Findings, compareFindings)
	return r, errors.Join(unread...)
}
