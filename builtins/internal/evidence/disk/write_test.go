// SPDX-License-Identifier: Apache-2.0

package disk_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/disk"
)

// fullFile is a file on a disk that has room for half of what is written.
type fullFile struct{ *os.File }

func (f fullFile) Write(b []byte) (int, error) {
	n, _ := f.File.Write(b[:len(b)/2])
	return n, syscall.ENOSPC
}

// lateFile is a file on a disk that tells at the end only that it was full.
type lateFile struct{ *os.File }

func (f lateFile) Close() error { return errors.Join(f.File.Close(), syscall.EDQUOT) }

func TestPutFailsSilently(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make func(path string) (io.WriteCloser, error)
		want error
	}{
		{"read-only", func(string) (io.WriteCloser, error) { return nil, syscall.EROFS }, syscall.EROFS},
		{"full", func(path string) (io.WriteCloser, error) { f, err := os.Create(path); return fullFile{f}, err }, syscall.ENOSPC},
		{"full, says Close", func(path string) (io.WriteCloser, error) { f, err := os.Create(path); return lateFile{f}, err }, syscall.EDQUOT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			testFailure(t, tt.make, tt.want)
		})
	}
}

func testFailure(t *testing.T, create func(string) (io.WriteCloser, error), want error) {
	t.Helper()
	var broken atomic.Bool
	broken.Store(true)
	c, e, warnings := &clock{at: time.Now()}, newEvents(), make(chan error, 10)
	o := disk.Options{Dir: t.TempDir(), Now: c.now, Observe: e.observe, Warn: func(err error) { warnings <- err }}
	d, err := disk.OpenWith(o, func(path string) (io.WriteCloser, error) {
		path = filepath.Join(o.Dir, path)
		if broken.Load() {
			return create(path)
		}
		return os.Create(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer closeDirectory(t, d)
	d.Put(key, digest.FromString("a"), []byte("a"))
	e.wait(t, disk.Failed, 1)
	d.Put(key, digest.FromString("b"), []byte("b"))
	e.wait(t, disk.Dropped, 1) // the disk rests
	c.advance(disk.RestAfterFailure)
	d.Put(key, digest.FromString("b"), []byte("b"))
	e.wait(t, disk.Failed, 2)
	if get(d, key, "a") || get(d, key, "b") || len(files(t, o.Dir)) != 0 {
		t.Errorf("something was kept: %q", files(t, o.Dir))
	}
	broken.Store(false)
	c.advance(disk.RestAfterFailure)
	d.Put(key, digest.FromString("a"), []byte("a"))
	e.wait(t, disk.Stored, 1)
	if !get(d, key, "a") {
		t.Error("not kept after the disk recovered")
	}
	if len(warnings) != 1 {
		t.Fatalf("%d warnings", len(warnings))
	}
	if err := <-warnings; !errors.Is(err, want) || !strings.Contains(err.Error(), o.Dir) {
		t.Errorf("warning %v, want one about %v and %s", err, want, o.Dir)
	}
}

// The same without a double: a file stands where a folder should be.
func TestPutFailsSilentlyWhereItCannotWrite(t *testing.T) {
	t.Parallel()
	e, o := newEvents(), disk.Options{Dir: t.TempDir()}
	put(t, o, key, "kept before")
	incoming := filepath.Join(o.Dir, "incoming")
	if err := errors.Join(os.RemoveAll(incoming), os.WriteFile(incoming, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	o.Observe = e.observe
	d := open(t, o)
	d.Put(key, digest.FromString("a"), []byte("a"))
	e.wait(t, disk.Failed, 1)
	if !get(d, key, "kept before") || get(d, key, "a") {
		t.Error("reading goes on, of what was kept before only")
	}
}

// hung is a disk that hangs until released.
func hung(t *testing.T, o disk.Options) (d *disk.Directory, release func()) {
	t.Helper()
	released := make(chan struct{})
	d, err := disk.OpenWith(o, func(path string) (io.WriteCloser, error) {
		<-released
		return os.Create(filepath.Join(o.Dir, path))
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, func() { close(released) }
}

func TestPutDoesNotWaitForAHungDisk(t *testing.T) {
	t.Parallel()
	e := newEvents()
	o := disk.Options{Dir: t.TempDir(), Observe: e.observe}
	d, release := hung(t, o)
	const n = disk.QueueLength + 100
	for i := range n {
		b := fmt.Append(nil, i)
		d.Put(key, digest.FromBytes(b), b)
	}
	release()
	if err := ended(d); err != nil {
		t.Fatal(err)
	}
	stored, _ := e.count(disk.Stored)
	dropped, _ := e.count(disk.Dropped)
	if stored+dropped > n || dropped < 99 || stored == 0 {
		t.Errorf("%d stored and %d dropped of %d", stored, dropped, n)
	}
}

func TestPutBoundsTheBytesThatWait(t *testing.T) {
	t.Parallel()
	e := newEvents()
	d, release := hung(t, disk.Options{Dir: t.TempDir(), Observe: e.observe})
	for i := range 100 {
		b := make([]byte, 1<<20)
		b[0] = byte(i)
		d.Put(key, digest.FromBytes(b), b)
	}
	if dropped, _ := e.count(disk.Dropped); dropped < 100-33 || dropped == 100 {
		t.Errorf("%d of 100 dropped", dropped)
	}
	release()
	closeDirectory(t, d)
}

func TestCloseDoesNotWaitForAHungDisk(t *testing.T) {
	t.Parallel()
	o := disk.Options{Dir: t.TempDir()}
	d, release := hung(t, o)
	d.Put(key, digest.FromString("a"), []byte("a"))
	d.Put(key, digest.FromString("b"), []byte("b"))
	if err := d.Close(); err == nil || !strings.Contains(err.Error(), o.Dir) {
		t.Errorf("closed what hangs: %v", err)
	}
	release()
	if err := ended(d); err != nil {
		t.Fatal(err)
	}
	if get(open(t, o), key, "b") {
		t.Error("the writer went on after it was given up")
	}
}

func TestClosedDirectoryMissesAndDrops(t *testing.T) {
	t.Parallel()
	e := newEvents()
	o := disk.Options{Dir: t.TempDir(), Observe: e.observe}
	put(t, o, key, "a")
	d := open(t, o)
	closeDirectory(t, d)
	closeDirectory(t, d)
	if get(d, key, "a") {
		t.Error("got something")
	}
	d.Put(key, digest.FromString("b"), []byte("b"))
	e.want(t, disk.Dropped, 1)
	if !get(open(t, o), key, "a") {
		t.Error("a closed directory removed a file")
	}
}

func TestPutWritesWhatIsThereOnce(t *testing.T) {
	t.Parallel()
	e := newEvents()
	o := disk.Options{Dir: t.TempDir(), Observe: e.observe}
	put(t, o, key, "a", "a", "a")
	put(t, o, key, "a")
	e.want(t, disk.Stored, 1)
}
