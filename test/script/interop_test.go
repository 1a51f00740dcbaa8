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

// TestInteropCosign does the same with the cosign command lines, v2 and v3.
func TestInteropCosign(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cosign2", "cosign3"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%v; run `make interop-cosign`", err)
		}
	}
	runScripts(t, "interop-cosign")
}
