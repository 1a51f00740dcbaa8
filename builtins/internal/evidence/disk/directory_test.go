// SPDX-License-Identifier: Apache-2.0

package disk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/disk"
)

const key = "b registry.example/app 9"

func TestDirectoryStaysWarmAcrossARestart(t *testing.T) {
	t.Parallel()
	o := disk.Options{Dir: filepath.Join(t.TempDir(), "cache", "evidence")}
	put(t, o, key, "a content")
	got, ok := open(t, o).Get(t.Context(), key, digest.FromString("a content"), 9)
	if !ok || string(got) != "a content" {
		t.Errorf("after a restart: %q, %v", got, ok)
	}
}

func TestDirectoryReadsWhatOfUnknownSizeIs(t *testing.T) {
	t.Parallel()
	o := disk.Options{Dir: t.TempDir(), MaxFileBytes: 10}
	put(t, o, key, "a content", "", "more than ten bytes")
	d := open(t, o)
	for content, want := range map[string]bool{"a content": true, "": true, "more than ten bytes": false} {
		if got, ok := d.Get(t.Context(), key, digest.FromString(content), 0); ok != want || ok && string(got) != content {
			t.Errorf("%q: got %q, %v", content, got, ok)
		}
	}
}

// What is readable in one repository must not be in another, whoever asks.
func TestDirectoryKeepsKeysApart(t *testing.T) {
	t.Parallel()
	o := disk.Options{Dir: t.TempDir()}
	put(t, o, key, "a content")
	d := open(t, o)
	for _, other := range []string{"", "m registry.example/app 9", "b registry.example/other 9", key + " ", key + "\x00"} {
		if get(d, other, "a content") {
			t.Errorf("readable under key %q", other)
		}
	}
	if !get(d, key, "a content") {
		t.Error("not readable under its own key")
	}
}

func TestDirectoryIsForItsUserAlone(t *testing.T) {
	t.Parallel()
	o := disk.Options{Dir: filepath.Join(t.TempDir(), "cache")}
	put(t, o, key, "a content")
	content := disk.Path(o.Dir, key, digest.FromString("a content"))
	for path, want := range map[string]os.FileMode{o.Dir: 0o700, filepath.Dir(content): 0o700, content: 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o, want %04o", path, got, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	shared, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.Chmod(shared, 0o720); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, dir, want string }{
		{"no name", "", "no directory named"},
		{"others write", shared, "mode 0720 lets group or others write; run chmod go-w"},
		{"a file", file, "not a directory"},
		{"below a file", filepath.Join(file, "cache"), "not a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := disk.Open(disk.Options{Dir: tt.dir})
			if err == nil {
				t.Fatal(d.Close())
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), fmt.Sprintf("%q", tt.dir)) {
				t.Errorf("error %q does not name %q and say %q", err, tt.dir, tt.want)
			}
		})
	}
}

func TestDirectoryStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		o    disk.Options
		size int
		want int // files
	}{
		{name: "bytes", o: disk.Options{MaxBytes: 10 * disk.BlockBytes}, size: 1, want: 10},
		{name: "bytes of large files", o: disk.Options{MaxBytes: 10 * disk.BlockBytes}, size: 2*disk.BlockBytes + 1, want: 3},
		{name: "entries", o: disk.Options{MaxEntries: 7}, size: 1, want: 7},
		{name: "no room at all", o: disk.Options{MaxBytes: disk.BlockBytes}, size: disk.BlockBytes + 1, want: 0},
		{name: "no entries", o: disk.Options{MaxEntries: -1}, size: 1, want: 0},
		{name: "no bytes", o: disk.Options{MaxBytes: -1}, size: 1, want: 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.o.Dir = t.TempDir()
			var contents []string
			for i := range 40 {
				contents = append(contents, strings.Repeat("x", tt.size-1)+string(rune('!'+i)))
			}
			put(t, tt.o, key, contents...)
			if got := files(t, tt.o.Dir); len(got) != tt.want {
				t.Errorf("%d files, want %d", len(got), tt.want)
			}
			d := open(t, tt.o)
			if got := get(d, key, contents[39]); got != (tt.want > 0) {
				t.Errorf("the newest is there: %v", got)
			}
			if get(d, key, contents[0]) {
				t.Error("the oldest is there")
			}
		})
	}
}

func TestDirectoryEvictsWhatWasUsedLeastRecently(t *testing.T) {
	t.Parallel()
	e := newEvents()
	o := disk.Options{Dir: t.TempDir(), MaxEntries: 2, Observe: e.observe}
	d := open(t, o)
	for i, content := range []string{"a", "b"} {
		d.Put(key, digest.FromString(content), []byte(content))
		e.wait(t, disk.Stored, i+1)
	}
	if !get(d, key, "a") {
		t.Fatal("a was not kept")
	}
	d.Put(key, digest.FromString("c"), []byte("c"))
	e.wait(t, disk.Stored, 3)
	got := map[string]bool{"a": get(d, key, "a"), "b": get(d, key, "b"), "c": get(d, key, "c")}
	if diff := cmp.Diff(map[string]bool{"a": true, "b": false, "c": true}, got); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	e.want(t, disk.Evicted, 1)
}

// What was used last is known across restarts by the time of modification.
func TestDirectoryRemembersWhatWasUsed(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Now()}
	o := disk.Options{Dir: t.TempDir(), Now: c.now}
	put(t, o, key, "a", "b", "c")
	c.advance(2 * disk.TouchAfter)
	d := open(t, o)
	if !get(d, key, "a") {
		t.Fatal("a was not kept")
	}
	closeDirectory(t, d)
	o.MaxEntries = 1
	closeDirectory(t, open(t, o))
	if got := files(t, o.Dir); len(got) != 1 || !get(open(t, o), key, "a") {
		t.Errorf("kept %v, not what was used last", got)
	}
}

func TestDirectoryTellsItsSize(t *testing.T) {
	t.Parallel()
	var total int64
	o := disk.Options{Dir: t.TempDir(), MaxEntries: 3}
	put(t, o, key, "a", "b")
	e := newEvents()
	o.Observe, o.Resized = e.observe, func(delta int64) { total += delta }
	d := open(t, o)
	for _, content := range []string{"c", "d", "e"} {
		d.Put(key, digest.FromString(content), []byte(content))
	}
	e.wait(t, disk.Stored, 3)
	closeDirectory(t, d)
	if total != 0 {
		t.Errorf("%d bytes left after closing", total)
	}
	e.want(t, disk.Evicted, 2)
}

// Whoever keeps other files in the directory finds them again.
func TestDirectoryLeavesForeignFilesAlone(t *testing.T) {
	t.Parallel()
	o := disk.Options{Dir: t.TempDir(), MaxEntries: 1}
	foreign := []string{"lost+found", "sha256/README", "sha256/ab/not-a-name", "sha256/ab/" + strings.Repeat("AB", 31)}
	for _, path := range foreign {
		path = filepath.Join(o.Dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(t, o, key, "a", "b")
	if got := files(t, o.Dir); len(got) != len(foreign)+1 {
		t.Errorf("%d files, want %d and one content: %q", len(got), len(foreign), got)
	}
}
