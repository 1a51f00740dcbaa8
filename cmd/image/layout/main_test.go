// SPDX-License-Identifier: Apache-2.0

package layout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	image "github.com/opa-ratify/opa-ratify/cmd/image/layout"
)

const revision = "0123456789abcdef0123456789abcdef01234567"

// made is the environment variable that names the directory of what TestMain made.
const made = "TEST_MADE"

// TestMain compiles a small program for what the tests put into images, which does not
// depend on which program it is, and builds the image that most of them read.
func TestMain(m *testing.M) {
	directory, err := os.MkdirTemp("", "image-test")
	if err == nil {
		err = errors.Join(compile(directory), os.Setenv(made, directory))
	}
	if err == nil {
		_, err = image.Build(context.Background(), options(filepath.Join(directory, "image"), filepath.Join(directory, "amd64"), filepath.Join(directory, "arm64")))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(directory)
	os.Exit(code)
}

func compile(directory string) error {
	for name, how := range map[string]struct{ arch, trimpath string }{
		"amd64": {"amd64", "true"}, "arm64": {"arm64", "true"}, "placed": {"amd64", "false"},
	} {
		build := exec.Command("go", "build", "-trimpath="+how.trimpath, "-buildvcs=false", "-ldflags", "-s -w", "-o", filepath.Join(directory, name), "./testdata/program")
		build.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+how.arch, "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build for %s: %w\n%s", how.arch, err, output)
		}
	}
	return nil
}

func options(directory string, binaries ...string) image.Options {
	return image.Options{
		Directory: directory, Version: "v1.2.3", Revision: revision, Created: time.Unix(1750000000, 0), Binaries: binaries,
	}
}

// built is the image for amd64 and arm64, which must not be changed, and its index.
func built(tb testing.TB) (directory string, index ocispec.Descriptor) {
	tb.Helper()
	directory = filepath.Join(os.Getenv(made), "image")
	raw, err := os.ReadFile(filepath.Join(directory, "index.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var root ocispec.Index
	if err := json.Unmarshal(raw, &root); err != nil {
		tb.Fatal(err)
	}
	return directory, root.Manifests[0]
}

// program copies one of them, "arm64", to a place and a time of its own.
func program(tb testing.TB, name string) string {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join(os.Getenv(made), name))
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
