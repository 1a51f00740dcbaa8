// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"io"

	"github.com/open-policy-agent/opa/cmd"
	"github.com/spf13/cobra"
)

// All returns the commands, to be added to OPA's root command.
func All() []*cobra.Command {
	return []*cobra.Command{verifyCommand(), discoverCommand(), resolveCommand(), captureCommand()}
}

// The exit codes.
const (
	exitRejected = 1
	exitUnknown  = 2
)

// exit ends a command with a code; the reason, if there is one, goes to standard
// error.
func exit(c *cobra.Command, code int, reason error) error {
	c.SilenceErrors, c.SilenceUsage = true, true
	if reason != nil {
		fmt.Fprintln(c.ErrOrStderr(), "error:", reason)
	}
	if code == 0 {
		return nil
	}
	return &cmd.ExitError{Exit: code}
}

// progress tells a person that something goes on. It writes to standard error.
type progress struct{ w io.Writer }

func (p progress) say(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }
