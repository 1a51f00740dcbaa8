// SPDX-License-Identifier: Apache-2.0

package redis_test

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/redis"
)

// events counts what a client tells, and waits for it.
type events struct {
	mu   sync.Mutex
	seen map[string]int
	more chan struct{} // closed and replaced at every event
}

func newEvents() *events { return &events{seen: map[string]int{}, more: make(chan struct{})} }

func (e *events) observe(what string, event redis.Event) { e.note(what + " " + string(event)) }

func (e *events) changed(err error) {
	if err == nil {
		e.note("up")
		return
	}
	e.note("down")
	e.note(err.Error())
}

func (e *events) note(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen[what]++
	close(e.more)
	e.more = make(chan struct{})
}

func (e *events) all() (map[string]int, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.seen), e.more
}

func (e *events) sum(what string, events ...redis.Event) (n int) {
	seen, _ := e.all()
	for _, event := range events {
		n += seen[what+" "+string(event)]
	}
	return n
}

// wait returns when something has happened n times.
func (e *events) wait(tb testing.TB, what string, n int) {
	tb.Helper()
	timeout := time.After(time.Minute)
	for {
		seen, more := e.all()
		if seen[what] >= n {
			return
		}
		select {
		case <-more:
		case <-timeout:
			tb.Fatalf("%d times %q, want %d; there was %v", seen[what], what, n, seen)
		}
	}
}
