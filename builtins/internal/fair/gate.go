// SPDX-License-Identifier: Apache-2.0

package fair

import (
	"context"
	"fmt"
	"sync"
)

// Gate lets a bounded number of holders in. It remembers only the keys that have
// holders or waiters, so its memory is bounded by those who call it. It may be
// shared between goroutines.
type Gate struct {
	mu      sync.Mutex
	total   int
	free    int
	queues  map[string]*queue
	waiting *queue // whose turn is next, in a ring of the keys that have waiters; nil if none has
	spare   *queue // the queue of the last key that left, for reuse
}

// queue is the holders and the waiters of one key.
type queue struct {
	key         string
	limit       int
	held        int
	first, last *waiter
	next, prev  *queue // in the ring, while there are waiters
}

// waiter waits in its queue, or was let in: then in is closed and queue is nil.
type waiter struct {
	in         chan struct{}
	queue      *queue
	next, prev *waiter
}

// New returns a gate with total places, at least one. A gate of one place has
// none to keep for others.
func New(total int) *Gate {
	total = max(total, 1)
	return &Gate{total: total, free: total, queues: map[string]*queue{}}
}

// Enter waits for a place for key, of which key holds at most limit at a time;
// zero is no limit but the gate's own. Those who wait with one key get in by
// the order they came in, and keys take turns. Every Enter that returns nil needs
// one [Gate.Leave] with the same key.
//
// The error wraps ctx.Err(): there is no place to give back then. A context that
// is done gets no place.
func (g *Gate) Enter(ctx context.Context, key string, limit int) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("wait for a place: %w", err)
	}
	w := g.enter(key, limit)
	if w == nil {
		return nil
	}
	select {
	case <-w.in:
		return nil
	case <-ctx.Done():
		g.giveUp(key, w)
		return fmt.Errorf("wait for a place: %w", ctx.Err())
	}
}

// enter takes a place, or returns the waiter that will be told of one.
func (g *Gate) enter(key string, limit int) *waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.queue(key)
	q.limit = g.total
	if limit > 0 {
		q.limit = min(limit, g.total)
	}
	if q.first == nil && g.admits(q) {
		g.letIn(q)
		return nil
	}
	w := &waiter{in: make(chan struct{}), queue: q}
	if q.first == nil {
		g.join(q)
	}
	q.append(w)
	return w
}

// Leave gives a place of key back.
func (g *Gate) Leave(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(key)
}

func (g *Gate) leave(key string) {
	q := g.queues[key]
	if q == nil || q.held == 0 {
		panic("fair: Leave without Enter") // a place too many would be lent for ever
	}
	q.held--
	g.free++
	g.forget(q)
	g.serve()
}

// giveUp takes w out of its queue. If it was let in meanwhile its place goes to
// the next.
func (g *Gate) giveUp(key string, w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := w.queue
	if q == nil {
		g.leave(key)
		return
	}
	q.remove(w)
	if q.first == nil {
		g.part(q)
		g.forget(q)
	}
}

// serve lets in whom it may, one per key and turn. Nobody who may have a place
// waits after it.
func (g *Gate) serve() {
	for q, passed := g.waiting, 0; q != nil && g.free > 0 && passed < len(g.queues); {
		next := q.next
		if !g.admits(q) {
			q, passed = next, passed+1
			continue
		}
		passed = 0
		g.waiting = next
		w := q.first
		q.remove(w)
		if q.first == nil {
			g.part(q)
		}
		g.letIn(q)
		close(w.in)
		q = g.waiting
	}
}

// admits is the rule of the package comment.
func (g *Gate) admits(q *queue) bool {
	switch {
	case g.free == 0, q.held >= q.limit:
		return false
	case q.held < max(g.total/2, 1):
		return true
	default:
		return g.free > max(g.total/4, 1)
	}
}

func (g *Gate) letIn(q *queue) {
	q.held++
	g.free--
}
