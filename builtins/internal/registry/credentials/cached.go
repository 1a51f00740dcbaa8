// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// Fetch asks a service for the credential of a host, and until when it is good.
// The zero time: it does not say, and the credential is used for a minute.
type Fetch func(ctx context.Context, host string) (credential auth.Credential, expires time.Time, err error)

const (
	// maxHosts bounds the credentials kept.
	maxHosts = 256
	// fetchTimeout bounds one fetch, which no caller's deadline does.
	fetchTimeout = 30 * time.Second
	// unsaidLife of a credential whose service does not say.
	unsaidLife = time.Minute
	// renewal ahead of expiry takes a quarter of the life, at most this.
	maxRenewal = 5 * time.Minute
	// margin before expiry takes a tenth of the life, at most this: for clocks and
	// requests under way.
	maxMargin = 30 * time.Second
	// The pause after failures doubles from the first to the last of these.
	firstPause, lastPause = time.Second, time.Minute
	// refusable is the age from which a credential that a registry refuses is
	// replaced. A younger one is refused for another reason: another would be too.
	refusable = time.Minute
)

// Cached keeps what a [Fetch] gave: fetches for one host are shared by all who
// ask, made ahead of expiry while the credential at hand is used, and paused after
// failures. A credential that is still good outlives an outage of its service. It
// may be shared between goroutines.
type Cached struct {
	fetch Fetch
	now   func() time.Time

	flight singleflight.Group
	mu     sync.Mutex
	hosts  *lru.Cache[string, state]
}

// state is what is known about one host.
type state struct {
	credential auth.Credential
	fetched    time.Time
	renew      time.Time // from here on it is fetched again
	until      time.Time // from here on it is not used; zero: there is none

	failures int
	retry    time.Time // not before
	err      error     // of the last fetch
}

// NewCached returns a cache over fetch. now is the clock; nil: time.Now.
func NewCached(fetch Fetch, now func() time.Time) *Cached {
	if now == nil {
		now = time.Now
	}
	hosts, err := lru.New[string, state](maxHosts)
	if err != nil {
		panic("credentials: " + err.Error()) // the size is a constant
	}
	return &Cached{fetch: fetch, now: now, hosts: hosts}
}

// Credential returns the credential of a host. The error is the fetch's, also of
// an earlier one that is not repeated yet, or that of ctx.
func (c *Cached) Credential(ctx context.Context, host string) (auth.Credential, error) {
	now := c.now()
	known := c.known(host)
	usable := now.Before(known.until)
	switch paused := now.Before(known.retry); {
	case usable && (paused || now.Before(known.renew)):
		return known.credential, nil
	case usable:
		c.start(ctx, host) // the answer is for the callers to come
		return known.credential, nil
	case paused:
		return auth.EmptyCredential, fmt.Errorf("%w (asked again from %s on)", known.err, known.retry.UTC().Format(time.RFC3339))
	}
	select {
	case got := <-c.start(ctx, host):
		if got.Err != nil {
			return auth.EmptyCredential, got.Err
		}
		return c.known(host).credential, nil
	case <-ctx.Done():
		return auth.EmptyCredential, ctx.Err()
	}
}

// Refused drops a credential that a registry does not accept. It reports false if
// there is none to drop, or it is so young that another would be refused too.
func (c *Cached) Refused(host string, credential auth.Credential) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, _ := c.hosts.Peek(host)
	if known.until.IsZero() || known.credential != credential || c.now().Sub(known.fetched) < refusable {
		return false
	}
	c.hosts.Remove(host)
	return true
}

func (c *Cached) known(host string) state {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, _ := c.hosts.Get(host)
	return known
}

// start fetches unless somebody does already. The fetch belongs to nobody's
// context, so that the first caller's cancellation fails no other.
func (c *Cached) start(ctx context.Context, host string) <-chan singleflight.Result {
	return c.flight.DoChan(host, func() (any, error) {
		if known := c.known(host); c.now().Before(known.renew) {
			return nil, nil // came in between the caller's look and this one
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		credential, expires, err := c.ask(ctx, host)
		c.learn(host, credential, expires, err)
		return nil, err
	})
}

// ask survives a fetch that panics: in a goroutine of ours it would end the
// process.
func (c *Cached) ask(ctx context.Context, host string) (credential auth.Credential, expires time.Time, err error) {
	defer func() {
		if r := recover(); r != nil {
			credential, err = auth.EmptyCredential, &Error{Step: "fetch", Message: fmt.Sprintf("internal fault, please report it: %v", r)}
		}
	}()
	credential, expires, err = c.fetch(ctx, host)
	if expires.IsZero() {
		expires = c.now().Add(unsaidLife)
	}
	switch {
	case err != nil:
	case credential == auth.EmptyCredential:
		err = ErrNone
	case !c.now().Before(expires):
		err = fmt.Errorf("%w: it expired at %s, before it came; compare the clocks", errExpired, expires.UTC().Format(time.RFC3339))
	}
	return credential, expires, err
}

var errExpired = errors.New("the credential is of no use")

func (c *Cached) learn(host string, credential auth.Credential, expires time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	known, _ := c.hosts.Peek(host)
	if err != nil {
		known.err, known.retry = err, now.Add(min(firstPause<<min(known.failures, 20), lastPause))
		known.failures++
		c.hosts.Add(host, known)
		return
	}
	life := expires.Sub(now)
	c.hosts.Add(host, state{
		credential: credential, fetched: now,
		renew: expires.Add(-min(life/4, maxRenewal)), until: expires.Add(-min(life/10, maxMargin)),
	})
}
