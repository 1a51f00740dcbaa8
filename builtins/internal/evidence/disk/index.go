// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// blockBytes is what a file takes at least, and in multiples of: the block of
// common file systems.
const blockBytes = 4096

// space is the disk space of a file of size bytes.
func space(size int64) int64 { return max(1, (size+blockBytes-1)/blockBytes) * blockBytes }

// fill is how much something holds.
type fill struct {
	entries int
	bytes   int64
}

// known is what the index knows of a file.
type known struct {
	bytes int64 // space
	used  time.Time
}

// index knows the files of the directory, as of the last scan and what this
// process did since, in the order of their use. It may be shared between
// goroutines.
type index struct {
	mu      sync.Mutex
	files   *simplelru.LRU[name, known]
	bytes   int64
	max     fill
	resized func(int64)
}

func newIndex(maxEntries int, maxBytes int64, resized func(int64)) *index {
	x := &index{max: fill{maxEntries, maxBytes}, resized: resized}
	// The only error of NewLRU is a size below 1. Room is made by hand, so that
	// the files go with their entries.
	x.files, _ = simplelru.NewLRU(max(maxEntries, 0)+1, func(_ name, f known) { x.grow(-f.bytes) })
	return x
}

func (x *index) grow(bytes int64) {
	x.bytes += bytes
	x.resized(bytes)
}

// use marks a file as used last, if it is known.
func (x *index) use(n name, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f, ok := x.files.Peek(n); ok {
		x.files.Add(n, known{f.bytes, now})
	}
}

// lastUse is when a file was used last: what the index knows is finer than the
// time of modification, but not told by other processes.
func (x *index) lastUse(n name, modified time.Time) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f, ok := x.files.Peek(n); ok && f.used.After(modified) {
		return f.used
	}
	return modified
}

func (x *index) has(n name) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.files.Contains(n)
}

func (x *index) forget(n name) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.files.Remove(n)
}

// reserve takes files out of the index, the least recently used first, until
// there is room for one more that takes so many bytes. ok is false if there can
// never be.
func (x *index) reserve(bytes int64) (evicted []name, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.max.entries < 1 || bytes > x.max.bytes {
		return nil, false
	}
	for x.files.Len() >= x.max.entries || x.bytes+bytes > x.max.bytes {
		n, _, more := x.files.RemoveOldest()
		if !more {
			break
		}
		evicted = append(evicted, n)
	}
	return evicted, true
}

// add enters a file as used last.
func (x *index) add(n name, bytes int64, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.files.Remove(n)
	x.grow(bytes)
	x.files.Add(n, known{bytes, now})
}

// replace makes found, the least recently used first, all that is known.
func (x *index) replace(found []found) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.files.Purge()
	for _, f := range found {
		x.grow(f.bytes)
		x.files.Add(f.name, known{f.bytes, f.used})
	}
}

func (x *index) clear() { x.replace(nil) }
