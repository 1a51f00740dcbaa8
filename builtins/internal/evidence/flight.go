// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sync/singleflight"
)

// ErrPanic is wrapped by the error that stands for a panic in shared work.
var ErrPanic = errors.New("panic")

// Flight lets concurrent callers with one key share one call. The call does not
// belong to any of them: a caller that gives up leaves the others and the call
// untouched. The zero value is not usable; see [NewFlight].
type Flight[V any] struct {
	group singleflight.Group
	limit time.Duration
}

// NewFlight returns a flight whose calls are cancelled after limit.
func NewFlight[V any](limit time.Duration) *Flight[V] { return &Flight[V]{limit: limit} }

// Do returns what call returns, sharing it with every caller that asks for key
// meanwhile. It returns ctx.Err() when ctx ends first; the call goes on. A panic
// in call is an error that wraps [ErrPanic].
func (f *Flight[V]) Do(ctx context.Context, key string, call func(context.Context) (V, error)) (V, error) {
	var none V
	if err := ctx.Err(); err != nil {
		return none, err
	}
	done := f.group.DoChan(key, func() (any, error) { return f.run(ctx, call) })
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
	f.group.DoChan(key, func() (any, error) { return f.run(ctx, call) })
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
