// SPDX-License-Identifier: Apache-2.0

// Package behind does work behind the caller's back: one goroutine, in order. What
// it cannot keep up with is dropped, so that nobody ever waits for it.
package behind

import (
	"sync"
	"sync/atomic"
	"time"
)

// What may wait. More means that the store is slower than the network, and then
// it is not worth waiting for.
const (
	Length   = 1024
	maxBytes = 32 << 20
)

// DrainTimeout bounds [Queue.Close]: a store that hangs must not keep a process
// from ending, which Kubernetes grants 30 s.
const DrainTimeout = 2 * time.Second

// Queue is work that waits. It may be shared between goroutines. See [New].
type Queue[T any] struct {
	work    func(T)
	items   chan item[T]
	pending atomic.Int64 // bytes in items
	closing sync.Once
	stop    chan struct{} // closed: nothing is accepted any more
	abandon chan struct{} // closed: what waits is dropped
	done    chan struct{} // closed: Run has ended
}

type item[T any] struct {
	value T
	bytes int64
}

// New returns a queue of what work does. The caller runs it once; see [Queue.Run].
func New[T any](work func(T)) *Queue[T] {
	return &Queue[T]{
		work: work, items: make(chan item[T], Length),
		stop: make(chan struct{}), abandon: make(chan struct{}), done: make(chan struct{}),
	}
}

// Add puts v, which takes so many bytes, in the queue. False: it was dropped.
func (q *Queue[T]) Add(v T, bytes int64) bool {
	if q.pending.Add(bytes) > max(maxBytes, bytes) { // one alone may always wait
		q.pending.Add(-bytes)
		return false
	}
	select {
	case <-q.stop:
	default:
		select {
		case q.items <- item[T]{v, bytes}:
			return true
		default:
		}
	}
	q.pending.Add(-bytes)
	return false
}

// Run works until the queue is closed. before is called before the first work,
// after when no more will come and before Close returns.
func (q *Queue[T]) Run(before, after func()) {
	defer close(q.done)
	defer after()
	before()
	for {
		select {
		case i := <-q.items:
			q.do(i)
		case <-q.stop:
			q.drain()
			return
		}
	}
}

func (q *Queue[T]) do(i item[T]) {
	q.pending.Add(-i.bytes)
	if !q.Abandoned() {
		q.work(i.value)
	}
}

func (q *Queue[T]) drain() {
	for !q.Abandoned() {
		select {
		case i := <-q.items:
			q.do(i)
		default:
			return
		}
	}
}

// Close does what waits, for at most [DrainTimeout], and ends Run. False: it has
// not ended, for the work at hand takes longer; what waits behind it is dropped.
func (q *Queue[T]) Close() bool {
	q.closing.Do(func() {
		close(q.stop)
		timer := time.NewTimer(DrainTimeout)
		defer timer.Stop()
		select {
		case <-q.done:
		case <-timer.C:
			close(q.abandon)
		}
	})
	select {
	case <-q.done:
		return true
	default:
		return false
	}
}

// Abandoned reports that Close has waited long enough.
func (q *Queue[T]) Abandoned() bool {
	select {
	case <-q.abandon:
		return true
	default:
		return false
	}
}
