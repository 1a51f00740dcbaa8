// SPDX-License-Identifier: Apache-2.0

package bundles_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/bundles"
)

// TestWhole: every file of every bundle is embedded, and nothing else.
func TestWhole(t *testing.T) {
	t.Parallel()
	manifests, err := filepath.Glob("*/.manifest")
	if err != nil || len(manifests) == 0 {
		t.Fatal(manifests, err)
	}
	var names []string
	for _, manifest := range manifests {
		names = append(names, filepath.Dir(manifest))
	}
	if diff := cmp.Diff(names, bundles.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for _, name := range names {
		embedded, err := bundles.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(list(t, os.DirFS(name)), list(t, embedded)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestOpenUnknown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nothing", "", "..", "default/trust"} {
		if _, err := bundles.Open(name); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Open(%q) = %v", name, err)
		}
	}
}

func list(t *testing.T, files fs.FS) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		found[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
