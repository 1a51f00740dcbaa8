// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// ErrPanic is wrapped by the error that stands for a panic in shared work.
var ErrPanic = errors.New("panic")

// joinWithin is how long a call may be under way for others to join it, unless
// somebody has run out of time waiting for it before. What such a call waits for
// may never come: who asks after a registry has recovered must not wait for the
// answer to a question that was put before.
const joinWithin = 500 * time.Millisecond

// Flight lets concurrent callers with one key share one call. The call does not
// belong to any of them: a caller that gives up leaves the others and the call
// untouched. The zero value is not usable; see [NewFlight].
type Flight[V any] struct {
	group singleflight.Group
	limit time.Duration

	mu    sync.Mutex
	begun map[string]*call // under way, by key
}

// call is one that is under way.
type call struct {
	at      time.Time
	shunned bool // somebody's time ran out while waiting for it
}

// NewFlight returns a flight whose calls are cancelled after limit.
func NewFlight[V any](limit time.Duration) *Flight[V] {
	return &Flight[V]{limit: limit, begun: map[string]*call{}}
}

// Do returns what work returns, sharing it with every caller that asks for key
// meanwhile. It returns ctx.Err() when ctx ends first; the call goes on. A panic
// in work is an error that wraps [ErrPanic].
func (f *Flight[V]) Do(ctx context.Context, key string, work func(context.Context) (V, error)) (V, error) {
	var none V
	if err := ctx.Err(); err != nil {
		return none, err
	}
	done, shared := f.join(ctx, key, work)
	select {
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			f.shun(shared)
		}
		return none, ctx.Err()
	case r := <-done:
		v, ok := r.Val.(V)
		if !ok && r.Err == nil {
			return none, fmt.Errorf("%w: shared call gave no value", ErrPanic)
		}
		return v, r.Err
	}
}

// Start begins work unless one for key is under way, and does not wait for it.
func (f *Flight[V]) Start(ctx context.Context, key string, work func(context.Context) (V, error)) {
	f.join(ctx, key, work)
}

// join returns where the answer arrives: of a call under way, or of a new one.
func (f *Flight[V]) join(ctx context.Context, key string, work func(context.Context) (V, error)) (<-chan singleflight.Result, *call) {
	now := time.Now() //nolint:forbidigo // how long others have waited, not what time it is
	f.mu.Lock()
	defer f.mu.Unlock()
	begun := f.begun[key]
	if begun != nil && (begun.shunned || now.Sub(begun.at) > joinWithin) {
		f.group.Forget(key)
		begun = nil
	}
	if begun == nil {
		begun = &call{at: now}
		f.begun[key] = begun
	}
	return f.group.DoChan(key, func() (any, error) {
		defer f.ended(key, begun)
		return f.run(ctx, work)
	}), begun
}

// shun makes a call one that nobody joins any more: it has taken longer than
// somebody had.
func (f *Flight[V]) shun(c *call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.shunned = true
}

func (f *Flight[V]) ended(key string, begun *call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun[key] == begun {
		delete(f.begun, key)
	}
}

func (f *Flight[V]) run(ctx context.Context, work func(context.Context) (V, error)) (v V, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.limit)
	defer cancel()
	defer func() { // a panic in this goroutine would end the process
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrPanic, p, debug.Stack())
		}
	}()
	return work(ctx)
}
