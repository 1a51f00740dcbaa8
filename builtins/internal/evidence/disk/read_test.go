// SPDX-License-Identifier: Apache-2.0

package disk_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/disk"
)

// poisons are what may stand where a content stood.
func poisons(outside string) map[string]func(path string) error {
	write := func(b string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(b), 0o600) }
	}
	replace := func(with func(string) error) func(string) error {
		return func(path string) error { return errors.Join(os.Remove(path), with(path)) }
	}
	return map[string]func(path string) error{
		"altered":       write("A content"),
		"truncated":     write("a cont"),
		"empty":         write(""),
		"longer":        write("a content."),
		"zeros":         func(path string) error { return errors.Join(os.Truncate(path, 0), os.Truncate(path, 9)) },
		"huge":          func(path string) error { return os.Truncate(path, 1<<40) },
		"a folder":      replace(func(path string) error { return os.MkdirAll(filepath.Join(path, "in", "it"), 0o700) }),
		"a pipe":        replace(func(path string) error { return syscall.Mkfifo(path, 0o600) }),
		"a link out":    replace(func(path string) error { return os.Symlink(outside, path) }),
		"a link beside": replace(func(path string) error { return os.Symlink(filepath.Base(path), path) }),
		"a link to itself, in effect": replace(func(path string) error {
			return errors.Join(os.WriteFile(path+"x", []byte("a content"), 0o600), os.Symlink(filepath.Base(path)+"x", path))
		}),
	}
}

func TestGetRemovesWhatIsNotTheContent(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("a content"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, poison := range poisons(outside) {
		for _, size := range []int64{0, 9} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testPoison(t, poison, size)
			})
		}
	}
	t.Cleanup(func() {
		if b, err := os.ReadFile(outside); err != nil || string(b) != "a content" {
			t.Errorf("a file outside was touched: %q, %v", b, err)
		}
	})
}

func testPoison(t *testing.T, poison func(path string) error, size int64) {
	t.Helper()
	e, want := newEvents(), digest.FromString("a content")
	o := disk.Options{Dir: t.TempDir(), Observe: e.observe}
	put(t, o, key, "a content")
	path := disk.Path(o.Dir, key, want)
	if err := poison(path); err != nil {
		t.Fatal(err)
	}
	d := open(t, o)
	if b, ok := d.Get(t.Context(), key, want, size); ok {
		t.Errorf("got %q", b)
	}
	corrupt, _ := e.count(disk.Corrupt)
	evicted, _ := e.count(disk.Evicted) // what is too large
	if corrupt+evicted != 1 {
		t.Errorf("removed %d times", corrupt+evicted)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	d.Put(key, want, []byte("a content"))
	e.wait(t, disk.Stored, 2)
	if b, ok := d.Get(t.Context(), key, want, size); !ok || string(b) != "a content" {
		t.Errorf("put again: %q, %v", b, ok)
	}
}

// A caller that is wrong about the size must not lose, for everybody else, what
// is there.
func TestGetAnswersOnlyForTheRightSizeAndDigest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		want digest.Digest
		size int64
	}{
		{"negative size", digest.FromString("a content"), -1},
		{"size beyond all bounds", digest.FromString("a content"), 1 << 62},
		{"no digest", "", 9},
		{"half a digest", "sha256:00", 9},
		{"unknown algorithm", "md5:0123456789abcdef0123456789abcdef", 9},
		{"a path", "sha256:../../../../etc/passwd", 9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := disk.Options{Dir: t.TempDir()}
			put(t, o, key, "a content")
			d := open(t, o)
			if b, ok := d.Get(t.Context(), key, tt.want, tt.size); ok {
				t.Errorf("got %q", b)
			}
			if !get(d, key, "a content") {
				t.Error("the content is gone")
			}
		})
	}
}

func TestGetKnowsOtherAlgorithms(t *testing.T) {
	t.Parallel()
	o, b := disk.Options{Dir: t.TempDir()}, []byte("a content")
	want := digest.SHA512.FromBytes(b)
	d := open(t, o)
	d.Put(key, want, b)
	closeDirectory(t, d)
	if got, ok := open(t, o).Get(t.Context(), key, want, 9); !ok || string(got) != "a content" {
		t.Errorf("got %q, %v", got, ok)
	}
}

// What killed processes left behind goes when nobody can be writing it any more.
func TestOpenRemovesOldLeftovers(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Now()}
	o := disk.Options{Dir: t.TempDir(), Now: c.now}
	leftover := filepath.Join(o.Dir, "incoming", "LEFTOVER")
	if err := errors.Join(os.Mkdir(filepath.Dir(leftover), 0o700), os.WriteFile(leftover, []byte("a con"), 0o600)); err != nil {
		t.Fatal(err)
	}
	put(t, o, key, "a content")
	if got := files(t, o.Dir); len(got) != 2 {
		t.Errorf("a file that may be in the making is gone: %q", got)
	}
	c.advance(disk.StaleAfter + time.Minute)
	closeDirectory(t, open(t, o))
	if got := files(t, o.Dir); len(got) != 1 || !get(open(t, o), key, "a content") {
		t.Errorf("left: %q", got)
	}
}
