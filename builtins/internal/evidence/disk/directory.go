// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/behind"
	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
)

// Event is what happened, for counting.
type Event string

// The events.
const (
	Hit     Event = "hit"     // Get had the content
	Miss    Event = "miss"    // it had not
	Corrupt Event = "corrupt" // Get removed what it found and missed
	Stored  Event = "stored"  // a content was written
	Dropped Event = "dropped" // it was not: the disk is slower than the network, or rests after a failure
	Failed  Event = "failed"  // it was not: the disk is full, read-only, broken
	Evicted Event = "evicted" // a content made room
)

// Options say where a directory is and how large it may grow.
type Options struct {
	// Dir is the directory. It is made if it does not exist, for this user alone;
	// one that others may write to is refused. Required.
	Dir string
	// MaxBytes bounds the disk space of all files, in bytes, rounded up to whole
	// blocks as file systems do. Zero: 1 GiB.
	MaxBytes int64
	// MaxEntries bounds the number of files, and with it the memory of the index:
	// about 250 bytes each. Zero: 50 000.
	MaxEntries int
	// MaxFileBytes bounds one content, in bytes; a larger one is not kept. Zero:
	// 16 MiB.
	MaxFileBytes int64
	// Observe is told what happens. It must not call the directory. Nil: nobody is.
	Observe func(Event)
	// Resized is told by how many bytes the space taken changed, as far as this
	// process knows. It must not call the directory. Nil: nobody is.
	Resized func(delta int64)
	// Warn is told once, when writing fails for the first time. Nil: nobody is.
	Warn func(error)
	// Now is the clock that says which files were used last. Nil: time.Now.
	Now func() time.Time
}

// Directory keeps contents. It may be shared between goroutines. See [Open].
type Directory struct {
	options Options
	root    *os.Root
	index   *index

	queue *behind.Queue[content]

	create func(path string) (io.WriteCloser, error) // a new file; tests let it fail

	// Of the writer alone.
	unseen fill      // written since the last scan
	rest   time.Time // no writing before
	warned bool
}

// Open returns the directory, which then looks in the background at what is in
// it. The caller closes it. The error says what is wrong with Dir and what to do.
func Open(o Options) (*Directory, error) {
	d, err := open(o)
	if err != nil {
		return nil, err
	}
	go d.work()
	return d, nil
}

func open(o Options) (*Directory, error) {
	o = o.withDefaults()
	root, err := openRoot(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open cache directory %q: %w", o.Dir, err)
	}
	d := &Directory{
		options: o, root: root, index: newIndex(o.MaxEntries, o.MaxBytes, o.Resized),
	}
	d.queue = behind.New(d.write)
	d.create = d.createFile
	return d, nil
}

func (o Options) withDefaults() Options {
	o.MaxBytes = cmp.Or(o.MaxBytes, 1<<30)
	o.MaxEntries = cmp.Or(o.MaxEntries, 50_000)
	o.MaxFileBytes = cmp.Or(o.MaxFileBytes, 16<<20)
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if o.Resized == nil {
		o.Resized = func(int64) {}
	}
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func openRoot(dir string) (*os.Root, error) {
	if dir == "" {
		return nil, errors.New("no directory named")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, files.Cause(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, files.Cause(err)
	}
	if err := private(root); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// private demands that nobody else may write: others could not make a signature
// verify, but fill the disk and learn from what disappears.
func private(root *os.Root) error {
	info, err := root.Stat(".")
	if err != nil {
		return files.Cause(err)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("mode %04o lets group or others write; run chmod go-w, or name a directory inside it that does not exist yet (as in a Kubernetes emptyDir)", mode)
	}
	return nil
}

// Close writes what waits, for at most 2 s, and ends all background work. Get
// misses and Put drops from now on. The error says that something was left
// unwritten, which costs only time.
func (d *Directory) Close() error {
	if d.queue.Close() {
		return nil
	}
	return fmt.Errorf("close cache directory %q: still writing after %v; what was not written will be fetched again", d.options.Dir, behind.DrainTimeout)
}
