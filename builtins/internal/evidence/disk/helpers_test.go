// SPDX-License-Identifier: Apache-2.0

package disk_test

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/disk"
)

// events counts what a directory tells, and waits for it.
type events struct {
	mu   sync.Mutex
	seen map[disk.Event]int
	more chan struct{} // closed and replaced at every event
}

func newEvents() *events { return &events{seen: map[disk.Event]int{}, more: make(chan struct{})} }

func (e *events) observe(event disk.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen[event]++
	close(e.more)
	e.more = make(chan struct{})
}

func (e *events) count(event disk.Event) (int, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen[event], e.more
}

// wait returns when there have been n such events.
func (e *events) wait(tb testing.TB, event disk.Event, n int) {
	tb.Helper()
	timeout := time.After(time.Minute)
	for {
		got, more := e.count(event)
		if got >= n {
			return
		}
		select {
		case <-more:
		case <-timeout:
			tb.Fatalf("%d events %q, want %d", got, event, n)
		}
	}
}

func (e *events) want(tb testing.TB, event disk.Event, n int) {
	tb.Helper()
	if got, _ := e.count(event); got != n {
		tb.Errorf("%d events %q, want %d", got, event, n)
	}
}

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func open(tb testing.TB, o disk.Options) *disk.Directory {
	tb.Helper()
	d, err := disk.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closeDirectory(tb, d) })
	return d
}

// closeDirectory closes a directory of which a test awaits that all is written.
func closeDirectory(tb testing.TB, d *disk.Directory) {
	tb.Helper()
	if err := ended(d); err != nil {
		tb.Error(err)
	}
}

// put writes contents in a life of a directory that ends with it.
func put(tb testing.TB, o disk.Options, key string, contents ...string) {
	tb.Helper()
	d := open(tb, o)
	for _, b := range contents {
		d.Put(key, digest.FromString(b), []byte(b))
	}
	closeDirectory(tb, d)
}

func get(d *disk.Directory, key, b string) bool {
	_, ok := d.Get(context.Background(), key, digest.FromString(b), int64(len(b)))
	return ok
}

// files are all paths of regular files in dir, relative to it.
func files(tb testing.TB, dir string) (paths []string) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return paths
}
