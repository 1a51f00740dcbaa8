// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Kept keeps what has been asked for until it is about to expire, and asks once
// for all who wait. Its keys are of the caller's making and few. It may be shared
// between goroutines.
type Kept[V any] struct {
	// Now is the clock. Required.
	Now func() time.Time

	flight singleflight.Group
	mu     sync.Mutex
	values map[string]kept[V]
}

type kept[V any] struct {
	value V
	until time.Time
}

// askTimeout bounds asking, which is nobody's own: the first caller's cancellation
// fails no other.
const askTimeout = 20 * time.Second

// Get returns the value of key. ask returns it with the time it expires at; it is
// asked again when a quarter of its life is left, at most 5 minutes.
func (k *Kept[V]) Get(ctx context.Context, key string, ask func(context.Context) (V, time.Time, error)) (V, error) {
	if v, ok := k.held(key); ok {
		return v, nil
	}
	done := k.flight.DoChan(key, func() (any, error) {
		if v, ok := k.held(key); ok {
			return v, nil // came in between the caller's look and this one
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		asked := k.Now()
		v, expires, err := ask(ctx)
		if err != nil {
			return v, err
		}
		k.hold(key, v, expires.Add(-min(expires.Sub(asked)/4, 5*time.Minute)))
		return v, nil
	})
	select {
	case got := <-done:
		v, _ := got.Val.(V)
		return v, got.Err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

func (k *Kept[V]) held(key string) (V, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.values[key]
	return v.value, ok && k.Now().Before(v.until)
}

func (k *Kept[V]) hold(key string, v V, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.values == nil {
		k.values = map[string]kept[V]{}
	}
	k.values[key] = kept[V]{v, until}
}

// Forget drops the value of key: the service that it is for does not accept it.
func (k *Kept[V]) Forget(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.values, key)
}
