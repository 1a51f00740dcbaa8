// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust/publicgood"
)

// loader reaches material outside the document and remembers which files it
// read.
type loader struct {
	Options
	watch *watch
}

func newLoader(o Options) *loader {
	if o.ReadFile == nil {
		o.ReadFile = readFile
	}
	if o.PublicGood == nil {
		o.PublicGood = publicgood.Embedded
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &loader{Options: o, watch: &watch{now: o.Now, looked: o.Now()}}
}

// read notes the file's state before reading it: a change in between makes the
// document stale, not wrong for ever.
func (l *loader) read(path string) ([]byte, error) {
	l.watch.add(path)
	raw, err := l.ReadFile(path)
	if err == nil && len(raw) > maxMaterial {
		return nil, fmt.Errorf("read %s: it has %d bytes, at most %d are allowed", path, len(raw), maxMaterial)
	}
	return raw, err
}

func readFile(path string) ([]byte, error) {
	raw, err := files.Read(path, maxMaterial)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return raw, nil
}

// watch remembers what files looked like when they were read.
type watch struct {
	now    func() time.Time
	stamps []stamp
	live   []func() bool // each reports a change of what is not a file

	mu      sync.Mutex
	looked  time.Time
	changed bool
}

type stamp struct {
	path string
	info os.FileInfo // nil: it was not there
}

// restat is how often [Document.Stale] looks at the disk.
const restat = time.Second

// add is called while the document is compiled, before it is shared.
func (w *watch) add(path string) {
	info, err := os.Stat(path)
	if err != nil {
		info = nil
	}
	w.stamps = append(w.stamps, stamp{path: path, info: info})
}

func (w *watch) stale() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if w.changed || now.Sub(w.looked) < restat && !now.Before(w.looked) {
		return w.changed
	}
	w.looked = now
	w.changed = slices.ContainsFunc(w.stamps, stamp.differs) || slices.ContainsFunc(w.live, func(changed func() bool) bool { return changed() })
	return w.changed
}

func (s stamp) differs() bool {
	now, err := os.Stat(s.path)
	if err != nil || s.info == nil {
		return s.info != nil || err == nil
	}
	return !now.ModTime().Equal(s.info.ModTime()) || now.Size() != s.info.Size() || !os.SameFile(now, s.info)
}
