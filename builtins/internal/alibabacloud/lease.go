// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Leases keeps what a service hands out for a time, by key: one request for any
// number of callers, the next one ahead of expiry while the current is still
// used, and none before a pause after a failure. It may be shared between
// goroutines. Its fields must not change once it is used.
type Leases[T any] struct {
	// Ask asks the service. The time is when the value expires; zero: never. ctx
	// ends after Timeout, not with the caller who happened to be first. Required.
	Ask func(ctx context.Context, key string) (T, time.Time, error)
	// Timeout bounds Ask. Required.
	Timeout time.Duration
	// Now is the clock. Required.
	Now func() time.Time

	mu     sync.Mutex
	leases map[string]*lease[T]
}

// lease is one value.
type lease[T any] struct {
	value    T
	held     bool
	from, to time.Time     // validity of value; to zero: for ever
	failed   int           // requests in a row
	err      error         // of the last request
	pause    time.Time     // no request before
	asking   chan struct{} // closed when the request under way has ended; nil: none is
}

const (
	// maxLeases bounds the keys: strangers name hosts.
	maxLeases = 1024
	// ahead is how long before its expiry a value is asked for anew, at most, and
	// a quarter of its life if that is less.
	ahead = 5 * time.Minute
	// The pause after the first failure doubles up to the longest.
	firstPause, longestPause = time.Second, time.Minute
)

// ErrPause is wrapped when a request failed a short time ago and is not made
// again yet; so is that failure.
var ErrPause = errors.New("not asked again yet")

// Take returns the value of key. It waits for a request only if there is no valid
// value, at most as long as ctx.
func (l *Leases[T]) Take(ctx context.Context, key string) (T, error) {
	l.mu.Lock()
	e := l.entry(key)
	now := l.Now()
	valid, due := e.state(now)
	if due && e.asking == nil && !now.Before(e.pause) {
		l.ask(ctx, key, e)
	}
	value, asking, err := e.value, e.asking, e.err
	wait := e.pause
	l.mu.Unlock()
	switch {
	case valid:
		return value, nil
	case asking == nil:
		return *new(T), fmt.Errorf("%w: in back-off until %s: %w", ErrPause, wait.UTC().Format(time.RFC3339), err)
	}
	return l.await(ctx, e, asking)
}

// state tells whether the value can be used, and whether another is wanted.
func (e *lease[T]) state(now time.Time) (valid, due bool) {
	switch {
	case !e.held:
		return false, true
	case e.to.IsZero():
		return true, false
	}
	renew := e.to.Add(-min(ahead, e.to.Sub(e.from)/4))
	return now.Before(e.to), !now.Before(renew)
}

// ask starts a request, which belongs to all who wait for it.
func (l *Leases[T]) ask(ctx context.Context, key string, e *lease[T]) {
	done := make(chan struct{})
	e.asking = done
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Timeout)
	go func() {
		defer cancel()
		value, to, err := l.Ask(ctx, key)
		l.mu.Lock()
		defer l.mu.Unlock()
		e.take(value, to, err, l.Now())
		e.asking = nil
		close(done)
	}()
}

func (e *lease[T]) take(value T, to time.Time, err error, now time.Time) {
	e.err = err
	if err != nil {
		e.pause = now.Add(min(firstPause<<min(e.failed, 10), longestPause))
		e.failed++
		return
	}
	e.value, e.held, e.from, e.to = value, true, now, to
	e.failed, e.pause = 0, time.Time{}
}

func (l *Leases[T]) await(ctx context.Context, e *lease[T], asking <-chan struct{}) (T, error) {
	select {
	case <-asking:
	case <-ctx.Done():
		return *new(T), &Error{Step: "wait", Message: "no answer in time", Retryable: true, Err: ctx.Err()}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.err != nil {
		return *new(T), e.err
	}
	return e.value, nil
}

// entry returns the lease of key. When there are too many, one that nobody waits
// for is forgotten, an unusable one if there is any.
func (l *Leases[T]) entry(key string) *lease[T] {
	if l.leases == nil {
		l.leases = map[string]*lease[T]{}
	}
	if e := l.leases[key]; e != nil {
		return e
	}
	if len(l.leases) >= maxLeases {
		l.forget()
	}
	e := &lease[T]{}
	l.leases[key] = e
	return e
}

func (l *Leases[T]) forget() {
	last := ""
	for key, e := range l.leases {
		if e.asking != nil {
			continue
		}
		last = key
		if !e.held {
			break
		}
	}
	delete(l.leases, last)
}
