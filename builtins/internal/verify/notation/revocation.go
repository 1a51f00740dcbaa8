// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/purpose"
	"github.com/notaryproject/notation-core-go/revocation/result"
	"golang.org/x/sync/singleflight"
)

// unknownMaxAge is how long "nobody answered" is kept: long enough that a burst
// of images does not wait for a dead responder one after the other, short enough
// that nobody notices when it is back.
const unknownMaxAge = 3 * time.Second

// revocationCheckers are the validators of a [Verifier], one for each purpose of
// a certificate chain.
type revocationCheckers struct {
	codeSigning, timestamping *revocationChecker
}

func newRevocationCheckers(o Options) *revocationCheckers {
	client := boundedClient(o, true)
	fetcher := newCRLFetcher(o, boundedClient(o, false))
	build := func(p purpose.Purpose) *revocationChecker {
		inner, err := revocation.NewWithOptions(revocation.Options{OCSPHTTPClient: client, CRLFetcher: fetcher, CertChainPurpose: p})
		if err != nil {
			panic(fmt.Sprintf("notation: validator for purpose %v: %v", p, err)) // both purposes are the library's own
		}
		return &revocationChecker{
			inner: inner, now: o.Now, timeout: o.revocationTimeout(), maxAge: o.revocationMaxAge(),
			answers: newCache[chainKey, *answer](int64(o.answerCacheEntries())),
		}
	}
	return &revocationCheckers{codeSigning: build(purpose.CodeSigning), timestamping: build(purpose.Timestamping)}
}

// revocationChecker is notation-core-go's validator with a memory. One answer
// about one chain serves everybody who asks while it is good, and concurrent
// questions are asked once.
type revocationChecker struct {
	inner   revocation.Validator
	now     func() time.Time
	timeout time.Duration
	maxAge  time.Duration
	answers *cache[chainKey, *answer]
	flights singleflight.Group
}

// answer is what is known about one chain.
type answer struct {
	chain   []*x509.Certificate
	results []*result.CertRevocationResult // one for each certificate; nil with err
	err     error
	until   time.Time // zero: it does not age
}

// chainKey is a hash over a chain and the authentic signing time it is asked for.
type chainKey [sha256.Size]byte

// ValidateContext implements revocation.Validator. What it found is also noted
// in the [lookups] of ctx.
func (r *revocationChecker) ValidateContext(ctx context.Context, o revocation.ValidateContextOptions) ([]*result.CertRevocationResult, error) {
	a, err := r.ask(ctx, o)
	if err != nil {
		return nil, err
	}
	if l, ok := ctx.Value(lookupsKey{}).(*lookups); ok {
		l.note(r, a)
	}
	return a.results, a.err
}

func (r *revocationChecker) ask(ctx context.Context, o revocation.ValidateContextOptions) (*answer, error) {
	id := keyOf(o)
	if a, found := r.answers.get(id, r.now()); found {
		return a, nil
	}
	// The flight outlives a caller who gives up, bounded by the timeout: the
	// others still wait for it.
	detached := context.WithoutCancel(ctx)
	flight := r.flights.DoChan(string(id[:]), func() (any, error) {
		a := r.fresh(detached, o)
		r.answers.put(id, a, 1, a.until)
		return a, nil
	})
	select {
	case done := <-flight:
		return done.Val.(*answer), done.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// fresh asks the responders. It does not panic: a panic in a flight would end the
// process.
func (r *revocationChecker) fresh(ctx context.Context, o revocation.ValidateContextOptions) (a *answer) {
	a = &answer{chain: o.CertChain}
	defer func() {
		if p := recover(); p != nil {
			a.results, a.err = nil, errors.New("revocation check panicked")
			a.until = r.now().Add(unknownMaxAge)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	seen := &sightings{chain: o.CertChain}
	a.results, a.err = r.inner.ValidateContext(context.WithValue(ctx, sightingsKey{}, seen), o)
	a.until = r.bound(a, seen)
	return a
}

// bound is the earliest of what the responders promised and our own cap.
func (r *revocationChecker) bound(a *answer, seen *sightings) time.Time {
	if a.err != nil {
		return r.now().Add(unknownMaxAge)
	}
	asked := false
	for _, one := range a.results {
		switch one.Result {
		case result.ResultOK, result.ResultRevoked:
			asked = true
		case result.ResultNonRevokable:
		default:
			return r.now().Add(unknownMaxAge)
		}
	}
	if !asked {
		return time.Time{}
	}
	return earliest(r.now().Add(r.maxAge), seen.nextUpdate())
}

func keyOf(o revocation.ValidateContextOptions) chainKey {
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
	return chainKey(h.Sum(nil))
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

// errNoClient is the answer when the operator gave no client.
var errNoClient = errors.New("revocation checking has no HTTP client")

type noClient struct{}

func (noClient) RoundTrip(*http.Request) (*http.Response, error) { return nil, errNoClient }
