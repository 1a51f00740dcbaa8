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
		"-ldflags", "-s -w -X main.version=v0.0.0-script", "-o", dir, "../../cmd/opa-ratify")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build opa-ratify: %w\n%s", err, output)
	}
	if err := os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH")); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// runScripts runs the scripts in testdata/dir.
func runScripts(t *testing.T, dir string) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", dir),
		Setup:              setup,
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"registry":   startRegistry,
			"push":       pushImage,
			"opa-ratify": program("opa-ratify"),
			"notation":   program("notation"),
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
	return os.MkdirAll(home, 0o700)
}
