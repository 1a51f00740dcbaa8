// SPDX-License-Identifier: Apache-2.0

//go:build interop

package script_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/distributiontest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/vaulttest"
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

// TestInteropVault has the keys in a real Vault, where cosign signs with them.
func TestInteropVault(t *testing.T) {
	t.Parallel()
	for _, name := range []string{vaulttest.Binary, "cosign2", "cosign3"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%v; run `make interop-vault`", err)
		}
	}
	runScripts(t, "interop-vault")
}

// TestInteropRegistry has the images in real registries: one that asks who comes, and
// one with the Referrers API.
func TestInteropRegistry(t *testing.T) {
	t.Parallel()
	for _, name := range []string{distributiontest.Binary, distributiontest.Olareg, "notation", "cosign2", "cosign3"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%v; run `make interop-registry`", err)
		}
	}
	runScripts(t, "interop-registry")
}

// TestImage has notation sign the image that `make image` built, and runs what is in it.
func TestImage(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(filepath.Join(servetest.Product, "bin", "image", "index.json")); err != nil {
		t.Fatalf("%v; run `make image-test`", err)
	}
	runScripts(t, "image")
}
