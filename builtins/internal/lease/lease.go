// SPDX-License-Identifier: Apache-2.0

// Package lease keeps what services hand out for a time: the sessions of an
// identity, its tokens, the credentials of registries.
//
//	──▶ held and good ───────────────────────────────▶ value
//	──▶ held, its end is near ──ask, nobody waits────▶ value
//	──▶ nothing good ──ask, once for all who wait────▶ value or error
//	──▶ nothing good, a question failed just now ────▶ [PauseError], nobody is asked
//
// So a service is asked once in the life of what it hands out, however many callers
// there are, and its outage is not noticed while what it gave is good.
package lease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// Options configures [Leases].
type Options[K, V comparable] struct {
	// Ask asks the service for the value of key. The time is when the value expires;
	// zero: never. ctx ends after Timeout, not with the caller who happened to be
	// first, and keeps that caller's values. Required.
	Ask func(ctx context.Context, key K) (V, time.Time, error)
	// Timeout bounds Ask, which no caller's deadline does. Required.
	Timeout time.Duration
	// Now is the clock. Required.
	Now func() time.Time
	// Max bounds the keys: strangers name registries. Zero: 256.
	Max int
	// Eager asks for whoever has nothing good though a question failed just now; only
	// ahead of the end is there a pause. For callers that pause by themselves. False:
	// they get a [PauseError].
	Eager bool
}

const (
	defaultMax = 256
	// A value is asked for anew a quarter of its life before its end, at most this.
	maxAhead = 5 * time.Minute
	// It is not used in the last tenth of its life, at most this: for clocks and
	// requests under way.
	maxMargin = 30 * time.Second
	// The pause after failures doubles from the first to the last of these.
	firstPause, lastPause = time.Second, time.Minute
	// refusable is the age from which a value that is refused is replaced. A younger
	// one is refused for another reason: another would be too.
	refusable = time.Minute
)

// Leases are values by key; those least recently used go when there are too many.
// They may be shared between goroutines.
type Leases[K, V comparable] struct {
	o Options[K, V]

	mu     sync.Mutex
	leases *simplelru.LRU[K, *lease[V]]
}

// New returns leases of nothing yet; nobody is asked.
func New[K, V comparable](o Options[K, V]) *Leases[K, V] {
	leases, err := simplelru.NewLRU[K, *lease[V]](cmp.Or(max(o.Max, 0), defaultMax), nil)
	if err != nil {
		panic("lease: " + err.Error()) // the size is positive
	}
	return &Leases[K, V]{o: o, leases: leases}
}

// PauseError says that a question failed a short time ago and is not asked again
// yet. It unwraps to that failure.
type PauseError struct {
	Until time.Time
	Err   error
}

func (e *PauseError) Error() string {
	return fmt.Sprintf("%v (asked again from %s on)", e.Err, e.Until.UTC().Format(time.RFC3339))
}

// Unwrap returns why the question failed.
func (e *PauseError) Unwrap() error { return e.Err }

// Take returns the value of key. It waits only if there is no good one, at most as
// long as ctx. The error is Ask's, a [*PauseError], or that of ctx.
func (l *Leases[K, V]) Take(ctx context.Context, key K) (V, error) {
	l.mu.Lock()
	e, now := l.lease(key), l.o.Now()
	if e.asked == nil && e.due(now, l.o.Eager) {
		l.ask(ctx, key, e)
	}
	value, good, asked, pause := e.value, e.good(now), e.asked, PauseError{Until: e.retry, Err: e.err}
	l.mu.Unlock()
	switch {
	case good:
		return value, nil
	case asked == nil:
		return *new(V), &pause
	}
	select {
	case <-asked.done:
		return asked.value, asked.err
	case <-ctx.Done():
		return *new(V), ctx.Err()
	}
}

// Refused drops the value of key, which the service that it is for does not accept.
// It reports false if another is held by now, or this one is so young that the next
// would be refused too.
func (l *Leases[K, V]) Refused(key K, value V) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.o.Now()
	e, held := l.leases.Peek(key)
	if !held || !e.good(now) || e.value != value || now.Sub(e.taken) < refusable {
		return false
	}
	l.leases.Remove(key)
	return true
}

// Drop drops a value wherever it is held, however young: it is known to be of no use.
func (l *Leases[K, V]) Drop(value V) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range l.leases.Keys() {
		if e, held := l.leases.Peek(key); held && e.good(l.o.Now()) && e.value == value {
			l.leases.Remove(key)
		}
	}
}

func (l *Leases[K, V]) lease(key K) *lease[V] {
	if e, held := l.leases.Get(key); held {
		return e
	}
	e := &lease[V]{}
	l.leases.Add(key, e)
	return e
}

// ask puts the question, which belongs to all who wait for its answer.
func (l *Leases[K, V]) ask(ctx context.Context, key K, e *lease[V]) {
	q := &question[V]{done: make(chan struct{})}
	e.asked = q
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.o.Timeout)
	go func() {
		defer cancel()
		defer close(q.done)
		var expires time.Time
		q.value, expires, q.err = l.answer(ctx, key)
		l.mu.Lock()
		defer l.mu.Unlock()
		e.asked = nil
		if q.err != nil {
			e.fail(q.err, l.o.Now())
			return
		}
		*e = hold(q.value, expires, l.o.Now())
	}()
}

// answer survives a panic, which in a goroutine of ours would end the process, and
// refuses what is of no use.
func (l *Leases[K, V]) answer(ctx context.Context, key K) (value V, expires time.Time, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &problem.CallError{Step: "ask", Message: problem.Sanitise(fmt.Sprintf("internal fault, please report it: %v", r))}
		}
	}()
	value, expires, err = l.o.Ask(ctx, key)
	if err == nil && !expires.IsZero() && !l.o.Now().Before(expires) {
		err = fmt.Errorf("%w: it expired at %s, before it came; compare the clocks", errExpired, expires.UTC().Format(time.RFC3339))
	}
	if err != nil {
		return *new(V), time.Time{}, err
	}
	return value, expires, nil
}

var errExpired = errors.New("the answer is of no use")
