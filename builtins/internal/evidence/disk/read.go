// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/opencontainers/go-digest"
)

// touchAfter is how old the modification time of a file in use may be: it is
// what tells other processes, and this one after a restart, what was used last.
const touchAfter = time.Minute

// errUntrue is wrapped by the error about a file that is not what its name says.
var errUntrue = errors.New("not what it should be")

// Get returns the content that was put under key, whose digest is want and whose
// size, in bytes, is size (0: any up to MaxFileBytes). The bytes are the
// caller's. False: it is not there, or what is there is not that content; then
// it is removed.
func (d *Directory) Get(_ context.Context, key string, want digest.Digest, size int64) ([]byte, bool) {
	n := nameOf(key, want)
	b, err := d.read(n, want, size)
	switch {
	case err == nil:
		d.index.use(n, d.options.Now())
		d.options.Observe(Hit)
		return b, true
	case errors.Is(err, errUntrue):
		d.discard(n)
		d.options.Observe(Corrupt)
	default:
		d.options.Observe(Miss)
	}
	if errors.Is(err, fs.ErrNotExist) { // evicted by another process, perhaps
		d.index.forget(n)
	}
	return nil, false
}

// read reads one file and checks it. An error that does not wrap errUntrue says
// nothing about the file: there is none, or there are too many open ones.
func (d *Directory) read(n name, want digest.Digest, size int64) ([]byte, error) {
	if err := want.Validate(); err != nil {
		return nil, err
	}
	if size < 0 || size > d.options.MaxFileBytes {
		return nil, fmt.Errorf("size %d is not kept", size)
	}
	f, err := d.open(n.path())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, modified, err := d.readAll(f, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUntrue, err)
	}
	if got := want.Algorithm().FromBytes(b); got != want {
		return nil, fmt.Errorf("%w: digest %s", errUntrue, got)
	}
	if now := d.options.Now(); now.Sub(modified) > touchAfter {
		_ = d.root.Chtimes(n.path(), now, now) // a read-only directory evicts nothing
	}
	return b, nil
}

// open opens a regular file; a pipe in its place would block or never end. One
// that takes its place after the look is opened without waiting, and readAll
// looks again.
func (d *Directory) open(path string) (*os.File, error) {
	info, err := d.root.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %v", errUntrue, info.Mode())
	}
	f, err := d.root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: %w", errUntrue, err)
	}
	return f, err
}

// readAll allocates for what the file has, within MaxFileBytes, and never for
// what somebody declared.
func (d *Directory) readAll(f *os.File, size int64) ([]byte, time.Time, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	has := info.Size()
	if !info.Mode().IsRegular() || has > d.options.MaxFileBytes || size != 0 && has != size {
		return nil, time.Time{}, fmt.Errorf("%v of %d bytes", info.Mode(), has)
	}
	b := make([]byte, has)
	_, err = io.ReadFull(f, b)
	return b, info.ModTime(), err
}

// discard removes a file that is not what it should be. If a writer has just
// replaced it by a good one, that one goes and is fetched once more.
func (d *Directory) discard(n name) {
	d.index.forget(n)
	if err := d.root.Remove(n.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		_ = d.root.RemoveAll(n.path()) // a folder; if it stays, Get goes on missing
	}
}
