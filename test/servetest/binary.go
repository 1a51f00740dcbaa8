// SPDX-License-Identifier: Apache-2.0

package servetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Product is the root of the module, seen from the packages below test.
const Product = "../.."

// Main is what TestMain of a package below test calls: it builds opa-ratify,
// hands its path to use, and runs the tests. It returns the exit code.
func Main(m *testing.M, use func(binary string) error) int {
	code, err := withBinary(use, m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return code
}

func withBinary(use func(binary string) error, run func() int) (code int, err error) {
	dir, err := os.MkdirTemp("", "opa-ratify-test")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := filepath.Join(dir, "opa-ratify")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=v0.0.0-test", "-o", binary, "./cmd/opa-ratify")
	build.Dir, build.Env = Product, append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build opa-ratify: %w\n%s", err, output)
	}
	if err := use(binary); err != nil {
		return 0, err
	}
	return run(), nil
}

// WatchSources asks for the state of every source of the binary: `go test` then
// knows that a result is out of date when one changes, which it cannot see in a
// child process. It listens only while tests run, so [Main] would be too early.
func WatchSources(tb testing.TB) {
	tb.Helper()
	for _, name := range []string{"go.mod", "go.sum", "builtins", "bundles", "cmd", "rego"} {
		err := filepath.Walk(filepath.Join(Product, name), func(_ string, _ os.FileInfo, err error) error { return err })
		if err != nil {
			tb.Fatal(err)
		}
	}
}
