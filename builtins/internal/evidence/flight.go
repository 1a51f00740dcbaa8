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

// joinWithin is how long a call may be under way for others to join it. What an
// older one waits for may never come: who asks after a registry has recovered must
// not wait for a question that it will never answer.
const joinWithin = time.Second

// Flight lets concurrent callers with one key share one call. The call does not
// belong to any of them: a caller that gives up leaves the others and the call
// untouched. The zero value is not usable; see [NewFlight].
type Flight[V any] struct {
	group singleflight.Group
	limit time.Duration

	mu    sync.Mutex
	begun map[string]time.Time // calls under way, by key
}

// NewFlight returns a flight whose calls are cancelled after limit.
func NewFlight[V any](limit time.Duration) *Flight[V] {
	return &Flight[V]{limit: limit, begun: map[string]time.Time{}}
}

// Do returns what call returns, sharing it with every caller that asks for key
// meanwhile. It returns ctx.Err() when ctx ends first; the call goes on. A panic
// in call is an error that wraps [ErrPanic].
func (f *Flight[V]) Do(ctx context.Context, key string, call func(context.Context) (V, error)) (V, error) {
	var none V
	if err := ctx.Err(); err != nil {
		return none, err
	}
	done := f.join(ctx, key, call)
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case r := <-done:
		v, ok := r.Val.(V)
		if !ok && r.Err == nil {
			return none, fmt.Errorf("%w: shared call gave no value", ErrPanic)
		}
		return v, r.Err
	}
}

// Start begins call unless one for key is under way, and does not wait for it.
func (f *Flight[V]) Start(ctx context.Context, key string, call func(context.Context) (V, error)) {
	f.join(ctx, key, call)
}

// join returns where the answer arrives: of a call under way, or of a new one.
func (f *Flight[V]) join(ctx context.Context, key string, call func(context.Context) (V, error)) <-chan singleflight.Result {
	now := time.Now() //nolint:forbidigo // how long others have waited, not what time it is
	f.mu.Lock()
	defer f.mu.Unlock()
	begun, under := f.begun[key]
	if under && now.Sub(begun) > joinWithin {
		f.group.Forget(key)
		under = false
	}
	if !under {
		begun = now
		f.begun[key] = begun
	}
	return f.group.DoChan(key, func() (any, error) {
		defer f.ended(key, begun)
		return f.run(ctx, call)
	})
}

func (f *Flight[V]) ended(key string, begun time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun[key].Equal(begun) {
		delete(f.begun, key)
	}
}

func (f *Flight[V]) run(ctx context.Context, call func(context.Context) (V, error)) (v V, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.limit)
	defer cancel()
	defer func() { // a panic in this goroutine would end the process
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrPanic, p, debug.Stack())
		}
	}()
	return call(ctx)
}
