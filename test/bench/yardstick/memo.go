// SPDX-License-Identifier: Apache-2.0

package yardstick

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	forever    = time.Duration(1<<63 - 1)
	maxEntries = 20_000 // more than any scenario has; one of them makes room for another
)

// memo keeps answers by key and asks once for equal questions at the same time.
// Errors are not kept.
type memo[V any] struct {
	ttl    time.Duration
	now    func() time.Time
	flight singleflight.Group

	mu      sync.RWMutex
	entries map[string]entry[V]
}

type entry[V any] struct {
	value V
	since time.Time
}

func newMemo[V any](ttl time.Duration, now func() time.Time) *memo[V] {
	return &memo[V]{ttl: ttl, now: now, entries: map[string]entry[V]{}}
}

// last is the last answer, and whether it may still be believed.
func (m *memo[V]) last(key string) (value V, fresh bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	e, ok := m.entries[key]
	return e.value, ok && m.now().Sub(e.since) < m.ttl
}

// get answers what is kept, or asks. Whoever asks first lends its deadline, but not its
// cancellation.
func (m *memo[V]) get(ctx context.Context, key string, ask func(context.Context) (V, error)) (V, error) {
	if value, fresh := m.last(key); fresh {
		return value, nil
	}
	answered := m.flight.DoChan(key, func() (any, error) {
		ctx, cancel := detached(ctx)
		defer cancel()
		value, err := ask(ctx)
		if err == nil {
			m.keep(key, value)
		}
		return value, err
	})
	select {
	case a := <-answered:
		value, _ := a.Val.(V) // nil if V is an interface
		return value, a.Err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end)
}

func (m *memo[V]) keep(key string, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) >= maxEntries {
		for other := range m.entries {
			delete(m.entries, other)
			break
		}
	}
	m.entries[key] = entry[V]{value, m.now()}
}
