// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"net/http"
	"time"

	"github.com/notaryproject/notation-core-go/revocation/crl"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
)

// maxLists bounds the kept CRLs, however small they are.
const maxLists = 1024

// fetcher is notation-core-go's fetcher with a bounded cache; concurrent
// questions for one list download it once.
type fetcher struct {
	inner  *crl.HTTPFetcher
	flight *evidence.Flight[*crl.Bundle]
}

func newFetcher(o Options, client *http.Client) *fetcher {
	inner, err := crl.NewHTTPFetcher(client)
	if err != nil {
		panic("revocation: CRL fetcher: " + err.Error()) // only for a nil client
	}
	inner.Cache = &crlCache{now: o.Now, maxAge: o.MaxAge, lists: evidence.NewCache[*keptCRL](maxLists, o.CacheBytes, o.Now)}
	return &fetcher{inner: inner, flight: evidence.NewFlight[*crl.Bundle](o.Timeout)}
}

// Fetch implements crl.Fetcher.
func (f *fetcher) Fetch(ctx context.Context, url string) (*crl.Bundle, error) {
	bundle, err := f.flight.Do(ctx, url, func(ctx context.Context) (*crl.Bundle, error) { return f.inner.Fetch(ctx, url) })
	if err != nil {
		return nil, err
	}
	if seen := sightingsOf(ctx); seen != nil {
		seen.note(nextUpdate(bundle))
	}
	return bundle, nil
}

func nextUpdate(b *crl.Bundle) time.Time {
	if b.DeltaCRL == nil {
		return b.BaseCRL.NextUpdate
	}
	return earliest(b.BaseCRL.NextUpdate, b.DeltaCRL.NextUpdate)
}

// crlCache keeps lists in memory until their next update, and no longer than the
// cap. It implements crl.Cache.
//
// The library stores a list before it checks the signature on it. A forged list
// would then deny until the end its forger wrote, so only lists that an issuer of
// the chain at hand has signed are kept, and given back only for that issuer.
type crlCache struct {
	now    func() time.Time
	maxAge time.Duration
	lists  *evidence.Cache[*keptCRL]
}

type keptCRL struct {
	bundle *crl.Bundle
	issuer [sha256.Size]byte
}

// Get implements crl.Cache.
func (c *crlCache) Get(ctx context.Context, url string) (*crl.Bundle, error) {
	kept, found := c.lists.Get(url)
	seen := sightingsOf(ctx)
	if !found || seen == nil {
		return nil, crl.ErrCacheMiss
	}
	for _, certificate := range seen.chain {
		if sha256.Sum256(certificate.Raw) == kept.issuer {
			return kept.bundle, nil
		}
	}
	return nil, crl.ErrCacheMiss
}

// Set implements crl.Cache.
func (c *crlCache) Set(ctx context.Context, url string, bundle *crl.Bundle) error {
	seen := sightingsOf(ctx)
	if seen == nil {
		return nil
	}
	for _, issuer := range seen.chain {
		if signedBy(bundle, issuer) {
			kept := &keptCRL{bundle: bundle, issuer: sha256.Sum256(issuer.Raw)}
			until := earliest(nextUpdate(bundle), c.now().Add(c.maxAge))
			c.lists.Put(url, kept, int64(len(url))+memory(bundle.BaseCRL)+memory(bundle.DeltaCRL), until)
			break
		}
	}
	return nil
}

func signedBy(b *crl.Bundle, issuer *x509.Certificate) bool {
	return b.BaseCRL.CheckSignatureFrom(issuer) == nil &&
		(b.DeltaCRL == nil || b.DeltaCRL.CheckSignatureFrom(issuer) == nil)
}

// memory estimates the bytes a parsed list holds: its own and one entry each.
func memory(list *x509.RevocationList) int64 {
	if list == nil {
		return 0
	}
	const entry = 256
	return int64(len(list.Raw)) + entry*int64(len(list.RevokedCertificateEntries))
}
