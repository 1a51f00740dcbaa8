// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"errors"
	"time"
)

// lease is what is known about one key.
type lease[V any] struct {
	value V
	taken time.Time // zero: there is no value
	renew time.Time // from here on it is asked for anew; zero: never
	until time.Time // from here on it is not used; zero: never

	failures int       // in a row
	retry    time.Time // not before
	err      error     // of the last question

	asked *question[V] // under way; nil: none is
}

// question is one that is under way. Its answer may be read once done is closed.
type question[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// hold is a lease of a value from now on.
func hold[V any](value V, expires, now time.Time) lease[V] {
	e := lease[V]{value: value, taken: now}
	if !expires.IsZero() {
		life := expires.Sub(now)
		e.renew, e.until = expires.Add(-min(life/4, maxAhead)), expires.Add(-min(life/10, maxMargin))
	}
	return e
}

// good reports whether there is a value to use.
func (e *lease[V]) good(now time.Time) bool {
	return !e.taken.IsZero() && (e.until.IsZero() || now.Before(e.until))
}

// due reports whether it is time to ask, for an eager caller too soon after a failure
// if there is nothing good.
func (e *lease[V]) due(now time.Time, eager bool) bool {
	wanted := e.taken.IsZero() || !e.renew.IsZero() && !now.Before(e.renew)
	return wanted && (!now.Before(e.retry) || eager && !e.good(now))
}

// fail remembers why a question failed. One that was not put, because what it needs
// is leased too and its service is not asked yet, waits for that and is no failure
// of its own.
func (e *lease[V]) fail(err error, now time.Time) {
	if p, ok := errors.AsType[*PauseError](err); ok {
		e.err, e.retry = p.Err, p.Until
		return
	}
	e.err, e.retry = err, now.Add(min(firstPause<<min(e.failures, 10), lastPause))
	e.failures++
}
