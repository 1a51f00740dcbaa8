// SPDX-License-Identifier: Apache-2.0

// Package scaffold is the command `opa-ratify init`: it starts a user's own
// bundle from one of this repository's.
package scaffold

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/open-policy-agent/opa/cmd"
	"github.com/spf13/cobra"

	"github.com/opa-ratify/opa-ratify/bundles"
)

// Command returns `init`. It exits with 1 if nothing was started.
func Command() *cobra.Command {
	var with string
	var list bool
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Start a trust bundle of your own",
		Long: `Start a trust bundle of your own in DIR, with policy, data, tests and README. Where
the data holds a sample there will be a placeholder, which verifies nothing until
you replace it; init lists these lines. Nothing is overwritten.

  opa-ratify init --list
  opa-ratify init --with github-actions policy`,
		Args: func(_ *cobra.Command, args []string) error {
			if !list && len(args) != 1 {
				return fmt.Errorf("init wants one directory, got %d", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			c.SilenceErrors, c.SilenceUsage = true, true
			if err := run(c.OutOrStdout(), list, with, args); err != nil {
				fmt.Fprintln(c.ErrOrStderr(), "error:", err)
				return &cmd.ExitError{Exit: 1}
			}
			return nil
		},
	}
	c.Flags().StringVar(&with, "with", "default", "the bundle to start from: "+strings.Join(bundles.Names(), ", "))
	c.Flags().BoolVar(&list, "list", false, "list the bundles to start from and stop")
	return c
}

func run(out io.Writer, list bool, with string, args []string) error {
	if list {
		return printList(out)
	}
	return start(out, with, args[0])
}

// printList names the bundles and what they are.
func printList(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range bundles.Names() {
		title, err := titleOf(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\n", name, title)
	}
	return w.Flush()
}

// start writes the bundle and says how to go on.
func start(out io.Writer, name, dir string) error {
	t, err := read(name, filepath.ToSlash(filepath.Clean(dir)))
	if err != nil {
		return err
	}
	if err := t.write(dir); err != nil {
		return fmt.Errorf("init %s: %w", dir, err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Started %s from the bundle %s.\n", dir, name)
	if edits := t.edits(); len(edits) > 0 {
		text.WriteString("\nEdit these lines first:\n")
		for _, e := range edits {
			fmt.Fprintf(&text, "  %s:%d  %s\n", filepath.Join(dir, e.file), e.row, e.hint)
		}
	}
	fmt.Fprintf(&text, "\nThen:\n  opa-ratify check --strict %[1]s\n  opa-ratify test %[1]s\n  opa-ratify run --server -b %[1]s\n", dir)
	_, err = io.WriteString(out, text.String())
	return err
}
