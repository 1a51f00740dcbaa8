// SPDX-License-Identifier: Apache-2.0

//go:build interop

package script_test

import (
	"os/exec"
	"testing"
)

// TestInterop has the real notation command line sign, and asks it for a second opinion.
func TestInterop(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("notation"); err != nil {
		t.Fatalf("%v; run `make interop`", err)
	}
	runScripts(t, "interop")
}
