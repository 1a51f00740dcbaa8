// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// Command is the command line: build and push.
func Command() *cobra.Command {
	c := &cobra.Command{Use: "image", Short: "Builds and pushes opa-ratify's container image", SilenceUsage: true}
	c.AddCommand(buildCommand(), pushCommand())
	return c
}

func buildCommand() *cobra.Command {
	var o Options
	var created int64
	c := &cobra.Command{
		Use:   "build BINARY...",
		Short: "Write an OCI layout with an image for the platform of each binary",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.Binaries, o.Created = args, time.Unix(created, 0)
			index, err := Build(c.Context(), o)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), index.Digest)
			return err
		},
	}
	f := c.Flags()
	f.StringVarP(&o.Directory, "output", "o", "", "directory of the layout (required)")
	f.StringSliceVar(&o.Beside, "beside", nil, "another program that lies beside them, for the same platforms")
	f.StringVar(&o.Version, "version", "", "version of the binaries, and tag in the layout (required)")
	f.StringVar(&o.Revision, "revision", "", "commit they were built from (required)")
	f.Int64Var(&created, "created", 0, "when that was made, in seconds since 1970 (required)")
	require(c, "output", "version", "revision", "created")
	return c
}

func pushCommand() *cobra.Command {
	var from string
	c := &cobra.Command{
		Use:   "push REGISTRY/REPOSITORY:TAG",
		Short: "Push a layout with its referrers, and print what is to be signed",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			pushed, err := Push(c.Context(), from, args[0])
			if err != nil {
				return err
			}
			for _, reference := range pushed {
				if _, err := fmt.Fprintln(c.OutOrStdout(), reference); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "directory of the layout (required)")
	require(c, "from")
	return c
}

func require(c *cobra.Command, flags ...string) {
	for _, name := range flags {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err) // no such flag
		}
	}
}
