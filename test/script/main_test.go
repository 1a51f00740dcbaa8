// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// product is what the binary is built from, seen from here.
const product = "../../"

func TestMain(m *testing.M) {
	code, err := runWithBinary(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		code = 1
	}
	os.Exit(code)
}

// runWithBinary runs the tests with a freshly built opa-ratify first on PATH.
func runWithBinary(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "opa-ratify-script")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	build := exec.Command("go", "build", "-buildvcs=false",
		"-ldflags", "-s -w -X main.version=v0.0.0-script", "-o", dir, product+"cmd/opa-ratify")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build opa-ratify: %w\n%s", err, output)
	}
	if err := os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH")); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// watchSources asks for the state of every source of the binary: `go test` then knows
// that a result is out of date when one changes, which it cannot see in a child process.
// It listens only while tests run, so TestMain would be too early.
func watchSources(t *testing.T) {
	t.Helper()
	for _, name := range []string{"go.mod", "go.sum", "builtins", "bundles", "cmd", "rego"} {
		err := filepath.Walk(product+name, func(_ string, _ os.FileInfo, err error) error { return err })
		if err != nil {
			t.Fatal(err)
		}
	}
}

// runScripts runs the scripts in testdata/dir.
func runScripts(t *testing.T, dir string) {
	t.Helper()
	watchSources(t)
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", dir),
		Setup:              setup,
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"registry":         startRegistry,
			"push":             pushImage,
			"sign":             signImage,
			"sign-blob":        signBlob,
			"sign-by-workflow": signByWorkflow,
			"sigstore":         startSigstore,
			"make-key":         makeKey,
			"trust":            writeTrust,
			"trust-keys":       trustKeys,
			"trust-workflow":   trustWorkflow,
			"post":             post,
			"opa-ratify":       program("opa-ratify"),
			"notation":         program("notation"),
			"cosign2":          program("cosign2"),
			"cosign3":          program("cosign3"),
		},
	})
}

// setup gives each script a home of its own, where notation and opa-ratify keep their
// configuration.
func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	env.Values[registryKey{}] = &registry{}
	signers, err := newSigners()
	if err != nil {
		return err
	}
	env.Values[signersKey{}] = signers
	if err := setupCosign(env); err != nil {
		return err
	}
	return os.MkdirAll(home, 0o700)
}
