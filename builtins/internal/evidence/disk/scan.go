// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// staleAfter is how old a file in incoming is that nobody will finish: its
// process was killed. Writing one takes seconds at the worst.
const staleAfter = time.Hour

// listed is how many entries of a folder are read at once: folders of a
// directory that others fill may be endless.
const listed = 1024

// found is a file that a scan came across.
type found struct {
	name  name
	bytes int64
	used  time.Time
}

// scan looks at everything in the directory, removes what is beyond the bounds,
// least recently used first, and what a killed process left behind. Files with
// other names than this package gives are none of its business.
func (d *Directory) scan() {
	d.sweep()
	var files []found
	for i := range shards {
		first := byte(i)
		d.list(shard(first), func(file string, info os.FileInfo) {
			n, ok := parseName(first, file)
			switch {
			case !ok:
			case info.Size() > d.options.MaxFileBytes: // it would be no hit and drive out others
				d.evict(n)
			default:
				files = append(files, found{n, space(info.Size()), d.index.lastUse(n, info.ModTime())})
			}
			if len(files) > 2*d.options.MaxEntries { // memory is bounded, too
				files = d.newest(files)
			}
		})
		if d.queue.Abandoned() {
			return
		}
	}
	files = d.newest(files)
	slices.Reverse(files)
	d.index.replace(files)
	d.unseen = fill{}
}

// newest removes the files beyond the bounds and returns the others, the last
// used first.
func (d *Directory) newest(files []found) []found {
	slices.SortFunc(files, func(a, b found) int { return b.used.Compare(a.used) })
	kept, bytes := 0, int64(0)
	for _, f := range files {
		if bytes += f.bytes; bytes > d.options.MaxBytes || kept >= d.options.MaxEntries {
			break
		}
		kept++
	}
	for _, f := range files[kept:] {
		d.evict(f.name)
	}
	return slices.Clip(files[:kept])
}

func (d *Directory) evict(n name) {
	if d.root.Remove(n.path()) == nil {
		d.options.Observe(Evicted)
	}
}

// sweep removes what killed processes were writing.
func (d *Directory) sweep() {
	stale := d.options.Now().Add(-staleAfter)
	d.list(incoming, func(file string, info os.FileInfo) {
		if info.ModTime().Before(stale) {
			_ = d.root.Remove(filepath.Join(incoming, file)) // another process may have been faster
		}
	})
}

// list calls see with every regular file of a folder that is still there.
func (d *Directory) list(folder string, see func(file string, info os.FileInfo)) {
	f, err := d.root.Open(folder)
	if err != nil {
		return // nothing was written there yet
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(listed)
		for _, file := range names {
			info, err := d.root.Lstat(filepath.Join(folder, file))
			if err == nil && info.Mode().IsRegular() {
				see(file, info)
			}
		}
		if err != nil && !errors.Is(err, io.EOF) || len(names) == 0 || d.queue.Abandoned() {
			return
		}
	}
}
