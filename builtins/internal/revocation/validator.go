// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"net/http"
	"time"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/purpose"
	"github.com/notaryproject/notation-core-go/revocation/result"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
)

// Validator is notation-core-go's validator for one purpose, with a memory. One
// answer about one chain serves everybody who asks while it is good. It may be
// shared between goroutines.
type Validator struct {
	inner   revocation.Validator
	purpose purpose.Purpose
	book    Book // nil: none
	now     func() time.Time
	maxAge  time.Duration
	answers *evidence.Cache[*Answer]
	flight  *evidence.Flight[*Answer]
}

func newValidator(o Options, p purpose.Purpose, client *http.Client, fetcher *fetcher) *Validator {
	inner, err := revocation.NewWithOptions(revocation.Options{OCSPHTTPClient: client, CRLFetcher: fetcher, CertChainPurpose: p})
	if err != nil {
		panic(fmt.Sprintf("revocation: validator for purpose %v: %v", p, err)) // both purposes are the library's own
	}
	return &Validator{
		inner: inner, purpose: p, book: o.Book, now: o.Now, maxAge: o.MaxAge,
		answers: evidence.NewCache[*Answer](o.MaxAnswers, int64(o.MaxAnswers), o.Now),
		flight:  evidence.NewFlight[*Answer](o.Timeout),
	}
}

// Answer is what is known about one chain. Read-only.
type Answer struct {
	Chain   []*x509.Certificate
	Results []*result.CertRevocationResult // one for each certificate; nil with Err
	Err     error                          // the question could not be asked
	Until   time.Time                      // how long it may be reused; zero: it does not age
}

// ValidateContext implements notation-core-go's Validator. What it found is also
// noted in the [Answers] of ctx.
func (v *Validator) ValidateContext(ctx context.Context, o revocation.ValidateContextOptions) ([]*result.CertRevocationResult, error) {
	a, err := v.ask(ctx, o)
	if err != nil {
		return nil, err
	}
	answersOf(ctx).note(v, a)
	return a.Results, a.Err
}

func (v *Validator) ask(ctx context.Context, o revocation.ValidateContextOptions) (*Answer, error) {
	id := keyOf(o)
	if a, found := v.answers.Get(id); found {
		return a, nil
	}
	return v.flight.Do(ctx, id, func(ctx context.Context) (*Answer, error) {
		a := v.answer(ctx, o)
		v.answers.Put(id, a, 1, a.Until)
		return a, nil
	})
}

// answer looks into the book, or asks and notes.
func (v *Validator) answer(ctx context.Context, o revocation.ValidateContextOptions) *Answer {
	if v.book == nil {
		return v.fresh(ctx, o)
	}
	key := recordKey(v.purpose, o)
	if r, known := v.book.Find(key); known {
		return r.answer(o.CertChain)
	}
	a := v.fresh(ctx, o)
	v.book.Note(record(key, a))
	return a
}

// fresh asks the responders.
func (v *Validator) fresh(ctx context.Context, o revocation.ValidateContextOptions) *Answer {
	a := &Answer{Chain: o.CertChain}
	seen := &sightings{chain: o.CertChain}
	a.Results, a.Err = v.inner.ValidateContext(context.WithValue(ctx, sightingsKey{}, seen), o)
	a.Until = v.bound(a, seen)
	return a
}

// bound is the earliest of what the responders promised and our own cap.
func (v *Validator) bound(a *Answer, seen *sightings) time.Time {
	if a.Err != nil {
		return v.now().Add(UnknownMaxAge)
	}
	asked := false
	for _, one := range a.Results {
		switch one.Result {
		case result.ResultOK, result.ResultRevoked:
			asked = true
		case result.ResultNonRevokable:
		default:
			return v.now().Add(UnknownMaxAge)
		}
	}
	if !asked {
		return time.Time{}
	}
	return earliest(v.now().Add(v.maxAge), seen.nextUpdate())
}

// keyOf identifies a chain and the authentic signing time it is asked for.
func keyOf(o revocation.ValidateContextOptions) string {
	h := sha256.New()
	var signed int64
	if !o.AuthenticSigningTime.IsZero() {
		signed = o.AuthenticSigningTime.UnixNano()
	}
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(signed)))
	for _, c := range o.CertChain {
		sum := sha256.Sum256(c.Raw)
		h.Write(sum[:])
	}
	return string(h.Sum(nil))
}

// earliest returns the first of the given instants, ignoring zero ones.
func earliest(instants ...time.Time) time.Time {
	var first time.Time
	for _, t := range instants {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
