// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// Freshness says how old an answer about something that changes may be: what a
// tag names, which referrers there are. The zero value: as old as its TTL.
type Freshness struct {
	// Fresh asks the source whatever is known, and shares no answer to a question
	// that was put before.
	Fresh bool
	// Revalidate accepts an answer older than its TTL, by up to
	// [Options].Revalidate, at once; the source is asked again in the background.
	// Once the source has failed to answer, nobody is spared the wait.
	//
	// Spec: RFC 5861, section 3 (stale-while-revalidate).
	Revalidate bool
	// MaxStale accepts the last good answer, if it is no older than this, when
	// the source fails in passing or does not answer within a second. Zero: never.
	//
	// Spec: RFC 5861, section 4 (stale-if-error).
	MaxStale time.Duration
}

// Age says how current an answer is.
type Age struct {
	// AsOf is when the source was asked for the answer. Zero: it did not answer.
	AsOf time.Time
	// Until is the moment from which on the answer is not repeated without asking
	// again. Zero: it is not repeated.
	Until time.Time
	// Stale says that the answer is older than its TTL.
	Stale bool
	// Because is why the source gave no newer answer. Nil: it is being asked, or
	// the answer is not stale.
	Because error
}

// stalePatience is how long those who accept a stale answer wait for a new one.
const stalePatience = time.Second

// maxRefreshing bounds the questions that are put again in the background.
const maxRefreshing = 256

// fact is what is known about something that changes.
type fact[V any] struct {
	value V
	asOf  time.Time // of value; zero: there was no good answer

	refused time.Time // the source said no after that; what others heard before does not count

	failure error // the last question's, nil: it was answered
	partial V     // came beside it
	until   time.Time
}

// told is an answer, and when the source was asked for it.
type told[V any] struct {
	value V
	asOf  time.Time
}

// question is one kind of fact: where it is kept, for how long, and how to ask.
type question[V any] struct {
	name, key string
	about     reference.Reference
	ttl       time.Duration
	cache     *Cache[fact[V]]
	flight    *Flight[told[V]]
	cost      func(V) int64
	ask       func(context.Context) (V, error)
}

// remember answers q from what is known if f allows, else by asking.
func remember[V any](ctx context.Context, s *Store, q question[V], f Freshness) (V, Age, error) {
	now := s.options.Now()
	known, _ := q.cache.Get(q.key)
	if f.Fresh {
		s.options.Observe(q.name, false)
		key := q.key + " #" + strconv.FormatUint(s.fresh.Add(1), 10) // nobody else's
		return wait(ctx, s, q, key, known, f)
	}
	switch good := !known.asOf.IsZero(); {
	case good && now.Before(known.asOf.Add(q.ttl)):
		s.options.Observe(q.name, true)
		return known.value, Age{AsOf: known.asOf, Until: known.asOf.Add(q.ttl)}, nil
	case known.failure != nil && now.Before(known.until):
		s.options.Observe(q.name, true)
		return lastGood(s, known, f, known.failure)
	case good && f.Revalidate && known.failure == nil && q.ttl > 0 &&
		now.Before(known.asOf.Add(q.ttl+s.options.Revalidate)) && s.refreshing.Load() < maxRefreshing:
		s.options.Observe(q.name, true)
		q.flight.Start(ctx, q.key, func(ctx context.Context) (told[V], error) {
			s.refreshing.Add(1)
			defer s.refreshing.Add(-1)
			return learn(ctx, s, q)
		})
		return known.value, Age{AsOf: known.asOf, Stale: true}, nil
	}
	s.options.Observe(q.name, false)
	return wait(ctx, s, q, q.key, known, f)
}

// wait asks, or waits for an answer that somebody else asked for; not
// for long if there is a last good one that will do.
func wait[V any](ctx context.Context, s *Store, q question[V], key string, known fact[V], f Freshness) (V, Age, error) {
	patient, cancel := ctx, func() {}
	if usable(s, known, f) {
		patient, cancel = context.WithTimeout(ctx, stalePatience)
	}
	defer cancel()
	asked, work := s.options.Now(), learn[V]
	if f.Fresh {
		work = ask[V]
	}
	got, err := q.flight.Do(patient, key, func(ctx context.Context) (told[V], error) { return work(ctx, s, q) })
	if err == nil {
		return got.value, Age{AsOf: got.asOf, Until: got.asOf.Add(q.ttl)}, nil
	}
	known.partial, known.until = got.value, s.failedUntil(err, asked)
	if ctx.Err() != nil {
		return got.value, Age{}, err
	}
	return lastGood(s, known, f, err)
}

// lastGood answers in place of a failure, if f allows.
func lastGood[V any](s *Store, known fact[V], f Freshness, failure error) (V, Age, error) {
	if usable(s, known, f) && s.options.Passing(failure) {
		return known.value, Age{AsOf: known.asOf, Stale: true, Because: failure}, nil
	}
	return known.partial, Age{Until: known.until}, failure
}

func usable[V any](s *Store, known fact[V], f Freshness) bool {
	return f.MaxStale > 0 && !known.asOf.IsZero() && s.options.Now().Sub(known.asOf) <= f.MaxStale
}

// learn takes what another replica has shared, or asks the source.
func learn[V any](ctx context.Context, s *Store, q question[V]) (told[V], error) {
	if t, ok := recall(ctx, s, q); ok {
		put(s, q, t)
		return t, nil
	}
	return ask(ctx, s, q)
}

// ask asks the source, and keeps and shares what it says. The answer counts from
// the moment of the question. A passing failure leaves the last good answer as it
// was.
func ask[V any](ctx context.Context, s *Store, q question[V]) (told[V], error) {
	asked := s.options.Now()
	value, err := q.ask(ctx)
	t := told[V]{value, asked}
	if err != nil {
		putFailure(s, q, t, err)
		return t, err
	}
	if put(s, q, t) {
		share(s, q, t)
	}
	return t, nil
}

// put keeps a good answer, unless somebody who asked later was answered sooner.
func put[V any](s *Store, q question[V], t told[V]) bool {
	if known, _ := q.cache.Get(q.key); known.asOf.After(t.asOf) {
		return false
	}
	q.cache.Put(q.key, fact[V]{value: t.value, asOf: t.asOf}, q.cost(t.value), t.asOf.Add(s.keep(q.ttl)))
	return true
}

// putFailure keeps a failure, and what came beside it.
func putFailure[V any](s *Store, q question[V], partial told[V], failure error) {
	known, _ := q.cache.Get(q.key)
	until := s.failedUntil(failure, partial.asOf)
	if known.asOf.After(partial.asOf) || until.IsZero() {
		return
	}
	if !s.options.Passing(failure) {
		known = fact[V]{refused: partial.asOf}
	}
	expires := later(until, known.refused.Add(q.ttl))
	if !known.asOf.IsZero() {
		expires = later(expires, known.asOf.Add(s.keep(q.ttl)))
	}
	known.failure, known.partial, known.until = failure, partial.value, until
	q.cache.Put(q.key, known, q.cost(known.value)+q.cost(partial.value), expires)
}

// failedUntil is how long a failure is repeated: for a moment, and not at all if
// it says nothing about the source. Zero: not at all.
func (s *Store) failedUntil(err error, asked time.Time) time.Time {
	if err == nil || s.options.FailureTTL <= 0 || errors.Is(err, context.Canceled) || errors.Is(err, ErrPanic) || s.options.Unasked(err) {
		return time.Time{}
	}
	return later(asked, s.options.Now()).Add(s.options.FailureTTL)
}

// keep is how long a good answer may be of use.
func (s *Store) keep(ttl time.Duration) time.Duration {
	if ttl <= 0 {
		return max(s.options.MaxStale, 0)
	}
	return max(ttl+max(s.options.Revalidate, 0), s.options.MaxStale)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
