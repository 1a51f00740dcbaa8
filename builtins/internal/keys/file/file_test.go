// SPDX-License-Identifier: Apache-2.0

package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/file"
)

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	fatal(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// contents are the keys that a source has, by name; a key without is "!" and why.
func contents(t *testing.T, s keys.Source) (map[string]string, error) {
	t.Helper()
	snapshot, err := s.Fetch(t.Context())
	got := map[string]string{}
	for _, k := range snapshot.Keys {
		got[k.Name] = string(k.PEM)
		if k.Err != nil {
			got[k.Name] = "! " + k.Err.Error()
		}
	}
	return got, err
}

func want(t *testing.T, s keys.Source, want map[string]string) {
	t.Helper()
	got, err := contents(t, s)
	fatal(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDirectoryHoldsAKeyPerFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.pub", "A")
	write(t, dir, "b.pem", "B")
	write(t, dir, ".hidden", "no")
	fatal(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	fatal(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	write(t, dir, "large", strings.Repeat("x", 1<<20+1))
	s := file.New(dir)
	large := "! read " + filepath.Join(dir, "large") + ": too large: more than 1048576 bytes"
	want(t, s, map[string]string{"a.pub": "A", "b.pem": "B", "large": large})
	if s.Changed() {
		t.Error("changed by itself")
	}

	fatal(t, os.Remove(filepath.Join(dir, "a.pub")))
	if !s.Changed() {
		t.Error("a file was removed, and nothing changed")
	}
	want(t, s, map[string]string{"b.pem": "B", "large": large})
	write(t, dir, "c.pub", "C")
	if !s.Changed() {
		t.Error("a file was added, and nothing changed")
	}
}

// Kubernetes replaces a volume by pointing a link at another directory.
func TestKubernetesVolumeIsFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"..first": "old", "..second": "new"} {
		fatal(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		write(t, filepath.Join(dir, name), "key.pub", content)
	}
	data := filepath.Join(dir, "..data")
	fatal(t, os.Symlink("..first", data))
	fatal(t, os.Symlink(filepath.Join("..data", "key.pub"), filepath.Join(dir, "key.pub")))
	s := file.New(dir)
	want(t, s, map[string]string{"key.pub": "old"})
	fatal(t, os.Symlink("..second", data+".new"))
	fatal(t, os.Rename(data+".new", data))
	if !s.Changed() {
		t.Error("the link was moved, and nothing changed")
	}
	want(t, s, map[string]string{"key.pub": "new"})
}

func TestRemovedFileIsAWithdrawnKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, "key.pub", "A")
	synctest.Test(t, func(t *testing.T) {
		set := keys.NewSet([]keys.Provider{{Name: "disk", Source: file.New(path), MaxStale: time.Hour}}, keys.Options{Background: true})
		defer set.Close()
		if f, err := set.Lookup(t.Context(), "disk", "key.pub", ""); err != nil || len(f.Keys) != 1 {
			t.Fatalf("found %+v, %v", f, err)
		}
		fatal(t, os.Remove(path))
		<-time.After(time.Second)
		f, err := set.Lookup(t.Context(), "disk", "key.pub", "")
		if err != nil || len(f.Keys) != 0 || f.Absent[0].Unseen || !strings.Contains(f.Absent[0].Err.Error(), "no such file") {
			t.Errorf("found %+v, %v", f, err)
		}
		if st := set.Status()[0]; !st.Empty {
			t.Errorf("status %+v", st)
		}
	})
}

func TestPathThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	fatal(t, syscall.Mkfifo(path, 0o600))
	if got, err := contents(t, file.New(path)); err == nil || !strings.HasSuffix(err.Error(), "not a regular file") {
		t.Errorf("got %v, %v", got, err)
	}
}
