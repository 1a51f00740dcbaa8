// SPDX-License-Identifier: Apache-2.0

package disk_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/disk"
)

// Whatever stands in a file, Get returns exactly what was asked for or nothing.
func FuzzGet(f *testing.F) {
	f.Add([]byte("a content"), []byte("a content"), int64(9), "b registry.example/app")
	f.Add([]byte("a content"), []byte("a content"), int64(0), "b registry.example/app")
	f.Add([]byte("a content"), []byte("A content"), int64(9), "../../../etc/passwd")
	f.Add([]byte(""), []byte(""), int64(0), "")
	f.Add([]byte("longer"), []byte("long"), int64(-1), "\x00")
	d, dir := fuzzed(f)
	f.Fuzz(func(t *testing.T, asked, found []byte, size int64, key string) {
		want := digest.FromBytes(asked)
		path := disk.Path(dir, key, want)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, found, 0o600); err != nil {
			t.Fatal(err)
		}
		got, ok := d.Get(t.Context(), key, want, size)
		same := bytes.Equal(asked, found) && (size == 0 || size == int64(len(asked)))
		if ok != same || ok && !bytes.Equal(got, asked) {
			t.Errorf("asked for %q of size %d, found %q: got %q, %v", asked, size, found, got, ok)
		}
	})
}

func fuzzed(f *testing.F) (d *disk.Directory, dir string) {
	f.Helper()
	dir = f.TempDir()
	return open(f, disk.Options{Dir: dir}), dir
}
