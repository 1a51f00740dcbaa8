// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/lease"
)

// Fetch asks a service for the credential of a host, and until when it is good. The
// zero time: for ever.
type Fetch func(ctx context.Context, host string) (credential auth.Credential, expires time.Time, err error)

// fetchTimeout bounds one fetch: an identity's token, and what it is exchanged for.
const fetchTimeout = 30 * time.Second

// Cached keeps what a [Fetch] gave, as package lease does. It may be shared between
// goroutines.
type Cached struct {
	leases *lease.Leases[string, auth.Credential]
}

// NewCached returns a cache over fetch. now is the clock; nil: time.Now.
func NewCached(fetch Fetch, now func() time.Time) *Cached {
	if now == nil {
		now = time.Now
	}
	ask := func(ctx context.Context, host string) (auth.Credential, time.Time, error) {
		credential, expires, err := fetch(ctx, host)
		if err == nil && credential == auth.EmptyCredential {
			err = ErrNone
		}
		return credential, expires, err
	}
	return &Cached{lease.New(lease.Options[string, auth.Credential]{Ask: ask, Timeout: fetchTimeout, Now: now})}
}

// Credential returns the credential of a host. The error is the fetch's, also of
// an earlier one that is not repeated yet, or that of ctx.
func (c *Cached) Credential(ctx context.Context, host string) (auth.Credential, error) {
	return c.leases.Take(ctx, host)
}

// Refused drops a credential that a registry does not accept. It reports false if
// there is none to drop, or it is so young that another would be refused too.
func (c *Cached) Refused(host string, credential auth.Credential) bool {
	return c.leases.Refused(host, credential)
}
