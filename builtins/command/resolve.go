// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

// resolved is what an image names.
type resolved struct {
	Image     string         `json:"image"`
	Reference string         `json:"reference"`
	Digest    string         `json:"digest"`
	MediaType string         `json:"media_type"`
	Size      int64          `json:"size"` // in bytes
	Errors    []report.Error `json:"errors"`
}

func resolveCommand() *cobra.Command {
	var output format
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "resolve IMAGE...",
		Short: "Say which digest images name now",
		Long: `Asks the registry which manifest each image names, and prints it by digest. The
registry is asked whatever is known. Nothing is verified.

The exit code is 0 if every image was resolved, 1 if one does not exist, and 2 if
it could not be told.`,
		Example: `  opa-ratify resolve registry.example/app:v1`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, images []string) error {
			s, err := service.Current()
			if err != nil {
				return exit(c, exitUnknown, err)
			}
			answers, code := make([]resolved, len(images)), 0
			for i, image := range images {
				a := s.Resolve(c.Context(), service.Question{Image: image, Timeout: timeout, Freshness: evidence.Freshness{Fresh: true}})
				answers[i] = resolved{image, a.Reference, a.Descriptor.Digest.String(), a.Descriptor.MediaType, a.Descriptor.Size, append([]report.Error{}, a.Errors...)}
				for _, e := range a.Errors {
					fmt.Fprintf(c.ErrOrStderr(), "error: %s: %s\n", e.Code, e.Message)
					code = worse(code, e.Code)
				}
			}
			if output == formatJSON {
				err = printJSON(c.OutOrStdout(), answers)
			}
			for _, a := range answers {
				if output != formatJSON && a.Digest != "" {
					fmt.Fprintln(c.OutOrStdout(), a.Reference)
				}
			}
			if err != nil {
				return exit(c, exitUnknown, err)
			}
			return exit(c, code, nil)
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "time for one image")
	formats(&output, c.Flags(), formatTable, formatJSON)
	return c
}

// worse is the exit code after one more error.
func worse(code int, e report.Code) int {
	if e == report.NotFound && code != exitUnknown {
		return exitRejected
	}
	return exitUnknown
}
