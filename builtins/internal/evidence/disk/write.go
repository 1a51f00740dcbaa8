// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
)

// restAfterFailure is how long a disk that refused a file is left alone.
const restAfterFailure = 10 * time.Second

// scanAfter is how many files are written at least between two scans, which look
// at all shards.
const scanAfter = 256

// content is what waits to be written.
type content struct {
	name  name
	bytes []byte
}

// Put keeps b, whose digest is d, under key, some time soon and if it can. It
// does not wait. b must not be changed afterwards.
func (d *Directory) Put(key string, want digest.Digest, b []byte) {
	c := content{nameOf(key, want), b}
	if int64(len(b)) > d.options.MaxFileBytes {
		return
	}
	if !d.queue.Add(c, int64(len(b))) {
		d.options.Observe(Dropped)
	}
}

// work writes what is put until the directory is closed.
func (d *Directory) work() {
	d.queue.Run(d.scan, func() {
		d.index.clear()
		_ = d.root.Close() // it was only read and written through
	})
}

// write writes one content, unless it is there or the disk rests.
func (d *Directory) write(c content) {
	if d.there(c.name) {
		return
	}
	if d.options.Now().Before(d.rest) {
		d.options.Observe(Dropped)
		return
	}
	evicted, ok := d.index.reserve(space(int64(len(c.bytes))))
	if !ok {
		return
	}
	for _, n := range evicted {
		d.evict(n)
	}
	if err := d.place(c); err != nil {
		d.failed(err)
		return
	}
	d.placed(c)
}

// there says whether a content need not be written. The index alone may be
// behind: another process evicts, and Get removes what a scan has just seen.
func (d *Directory) there(n name) bool {
	if !d.index.has(n) {
		return false
	}
	_, err := d.root.Lstat(n.path())
	return err == nil
}

func (d *Directory) placed(c content) {
	bytes := space(int64(len(c.bytes)))
	d.index.add(c.name, bytes, d.options.Now())
	d.options.Observe(Stored)
	d.unseen.entries++
	d.unseen.bytes += bytes
	if d.unseen.entries >= scanAfter && (d.unseen.entries > d.options.MaxEntries/8 || d.unseen.bytes > d.options.MaxBytes/8) {
		d.scan() // other processes have written, too, perhaps
	}
}

func (d *Directory) failed(err error) {
	d.rest = d.options.Now().Add(restAfterFailure)
	if !d.warned {
		d.warned = true
		d.options.Warn(fmt.Errorf("write to cache directory %q: %w; evidence goes on being fetched, only slower after a restart", d.options.Dir, err))
	}
	d.options.Observe(Failed)
}

// place writes a file under a name nobody reads and renames it: whoever reads
// the content sees all of it or nothing.
func (d *Directory) place(c content) (err error) {
	temp := filepath.Join(incoming, rand.Text())
	for _, folder := range []string{incoming, shard(c.name[0])} {
		if err := d.root.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			_ = d.root.Remove(temp) // or sweep does
		}
	}()
	f, err := d.create(temp)
	if err != nil {
		return err
	}
	if err := writeAll(f, c.bytes); err != nil {
		return err
	}
	return d.root.Rename(temp, c.name.path())
}

func (d *Directory) createFile(path string) (io.WriteCloser, error) {
	return d.root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// writeAll closes f, too: some file systems report only then that they are full.
func writeAll(f io.WriteCloser, b []byte) error {
	_, err := f.Write(b)
	return errors.Join(err, f.Close())
}
