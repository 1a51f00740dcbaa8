// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/lease"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
)

// ErrUnauthorized says that there is no usable credential, or that the registry
// does not accept it.
var ErrUnauthorized = errors.New("no usable credential")

// Credentials gives the credential of a registry. The empty credential means
// anonymous. It may be called concurrently and often, and caches for itself.
type Credentials interface {
	Credential(ctx context.Context, host string) (auth.Credential, error)
}

// Options configures an [Authorizer].
type Options struct {
	// Registry is the canonical host, "docker.io", by which Credentials are
	// asked. Required.
	Registry string
	// URL is where the registry is reached, scheme and host. Required.
	URL *url.URL
	// TrustedRealms are further token servers, host[:port], that may get the
	// credential. Empty: none.
	TrustedRealms []string
	// Credentials of registries. Nil: anonymous.
	Credentials Credentials
	// Transport returns the transport to a token server that may get the
	// credential. Required.
	Transport func(host string) http.RoundTripper
	// Public is the transport to strangers; it reaches public addresses only.
	// Required.
	Public http.RoundTripper
	// UserAgent of token requests. Empty: net/http's.
	UserAgent string
	// MaxConcurrent bounds the token requests under way. Zero: 16.
	MaxConcurrent int
	// Base ends token requests when it is done. Required.
	Base context.Context //nolint:containedctx // lifetime of background renewal, not of a call
	// Now is the clock. Required.
	Now func() time.Time
	// Observe is told of each token request; status 0 is no answer. Nil: nobody.
	Observe func(host string, status int, took time.Duration)
}

// maxTokens bounds the tokens kept for one registry: one per repository.
const maxTokens = 1024

// Authorizer knows how one registry wants to be asked. It may be shared between
// goroutines.
type Authorizer struct {
	o      Options
	realms realms
	client *http.Client
	tokens *lease.Leases[exchange, string]
	slots  chan struct{} // bounds concurrent token requests

	mu      sync.Mutex
	learned challenge // the last that was answered; zero before
}

// New returns an authorizer that has learned nothing yet.
func New(o Options) (*Authorizer, error) {
	a := &Authorizer{o: o, realms: realms{registry: o.URL, trusted: map[string]bool{}}, slots: make(chan struct{}, cmp.Or(o.MaxConcurrent, 16))}
	for _, host := range append(declared(o.Registry), o.TrustedRealms...) {
		u, err := url.Parse(o.URL.Scheme + "://" + host)
		if err != nil {
			return nil, fmt.Errorf("trusted realm %q is not host[:port]", host)
		}
		a.realms.trusted[outbound.HostPort(u)] = true
		u.Scheme = "https"
		a.realms.trusted[outbound.HostPort(u)] = true
	}
	a.tokens = lease.New(lease.Options[exchange, string]{Ask: a.ask, Timeout: exchangeTimeout, Now: o.Now, Max: maxTokens, Eager: true})
	a.client = &http.Client{Transport: route{a}, CheckRedirect: a.checkRedirect}
	return a, nil
}

// Header returns the Authorization value for pulling from repository as far as
// it is known how the registry wants it; "" before it has demanded anything.
func (a *Authorizer) Header(ctx context.Context, repository string) (string, error) {
	a.mu.Lock()
	c := a.learned
	a.mu.Unlock()
	if c.scheme == "" {
		return "", nil
	}
	header, err := a.answer(ctx, c, repository)
	if err != nil {
		a.learn(challenge{}) // the registry may demand something else by now
	}
	return header, err
}

func (a *Authorizer) learn(c challenge) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.learned = c
}

// Challenged answers the WWW-Authenticate headers of a 401 to a request that
// carried the Authorization value used ("" if none). The registry does not
// accept used any more: a cached token is dropped and asked for anew.
func (a *Authorizer) Challenged(ctx context.Context, headers []string, repository, used string) (string, error) {
	c, ok := choose(parseChallenges(headers))
	if !ok {
		return "", fmt.Errorf("%w: the registry demands neither Bearer nor Basic authentication", ErrUnauthorized)
	}
	if token, ok := strings.CutPrefix(used, "Bearer "); ok {
		a.tokens.Drop(token)
	}
	header, err := a.answer(ctx, c, repository)
	if err == nil && header == used && a.refused(ctx, repository) {
		header, err = a.answer(ctx, c, repository)
	}
	switch {
	case err != nil:
		a.learn(challenge{})
		return "", err
	case header == used:
		return "", fmt.Errorf("%w: %s does not accept the credential it was sent", ErrUnauthorized, a.o.Registry)
	}
	a.learn(c)
	return header, nil
}

// Learn takes the WWW-Authenticate headers of a registry's first 401 as what it
// demands of every request, before anybody has answered them.
func (a *Authorizer) Learn(headers []string) {
	if c, ok := choose(parseChallenges(headers)); ok {
		a.learn(c)
	}
}

// choose prefers Bearer: it keeps the password away from the registry.
func choose(found []challenge) (challenge, bool) {
	for _, scheme := range []string{"bearer", "basic"} {
		for _, c := range found {
			if c.scheme == scheme && (scheme == "basic" || c.params["realm"] != "") {
				return c, true
			}
		}
	}
	return challenge{}, false
}

func (a *Authorizer) answer(ctx context.Context, c challenge, repository string) (string, error) {
	credential, err := a.credential(ctx, repository)
	if err != nil {
		return "", err
	}
	if c.scheme == "basic" {
		return a.basic(credential)
	}
	if credential.AccessToken != "" {
		return bearerHeader(credential.AccessToken)
	}
	t, err := a.token(ctx, c, credential, repository)
	if refusedByServer(err) && a.refused(ctx, repository) {
		if credential, err = a.credential(ctx, repository); err != nil {
			return "", err
		}
		t, err = a.token(ctx, c, credential, repository)
	}
	if err != nil {
		return "", err
	}
	return bearerHeader(t)
}

// refuser is told that a credential it gave is not accepted, and reports whether
// it will give another.
type refuser interface {
	Refused(host string, credential auth.Credential) bool
}

// refused tells the provider, if it wants to know, that its credential is not
// accepted, so that one that was revoked is replaced before it expires.
func (a *Authorizer) refused(ctx context.Context, repository string) bool {
	r, ok := a.o.Credentials.(refuser)
	if !ok {
		return false
	}
	credential, err := a.credential(ctx, repository)
	return err == nil && r.Refused(a.o.Registry, credential)
}

func refusedByServer(err error) bool {
	e, ok := errors.AsType[*ServerError](err)
	return ok && (e.Problem.Status == http.StatusUnauthorized || e.Problem.Status == http.StatusForbidden)
}

func (a *Authorizer) credential(ctx context.Context, repository string) (auth.Credential, error) {
	if a.o.Credentials == nil {
		return auth.EmptyCredential, nil
	}
	credential, err := a.o.Credentials.Credential(credentials.WithRepository(ctx, repository), a.o.Registry)
	if err != nil {
		return auth.EmptyCredential, &CredentialError{Registry: a.o.Registry, Err: err}
	}
	return credential, nil
}

// Identity names whose credential requests about a repository are made with,
// without telling it: the same for equal credentials, and another after a rotation.
// The error is that of the credential provider.
func (a *Authorizer) Identity(ctx context.Context, repository string) (string, error) {
	credential, err := a.credential(ctx, repository)
	return exchange{credential: credential}.key(), err
}

// giver knows which provider's credential it gives for a host; "" for none.
type giver interface {
	Giver(ctx context.Context, host string) string
}

// Asker says, for the message of a refusal, who it is that was refused.
func (a *Authorizer) Asker(ctx context.Context, repository string) string {
	if g, ok := a.o.Credentials.(giver); ok {
		if name := g.Giver(credentials.WithRepository(ctx, repository), a.o.Registry); name != "" {
			return "asked with the credential of credential provider " + name
		}
	}
	if credential, err := a.credential(ctx, repository); err != nil || credential != auth.EmptyCredential {
		return "asked with a credential"
	}
	return "asked anonymously: no credential is configured for " + a.o.Registry
}

func (a *Authorizer) basic(credential auth.Credential) (string, error) {
	if credential.Username == "" || credential.Password == "" {
		return "", fmt.Errorf("%w: %s demands a user name and password and none is configured for it", ErrUnauthorized, a.o.Registry)
	}
	pair := credential.Username + ":" + credential.Password
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)), nil
}

// bearerHeader refuses what could not be a header's value; it never quotes it.
func bearerHeader(token string) (string, error) {
	for _, c := range []byte(token) {
		if c <= ' ' || c >= 0x7f {
			return "", fmt.Errorf("%w: the token has characters that no header may have", ErrAnswer)
		}
	}
	return "Bearer " + token, nil
}

// CredentialError says that a credential provider gave none because of an error.
// There is no silent fall-back to anonymous.
type CredentialError struct {
	Registry string
	Err      error
}

func (e *CredentialError) Error() string {
	return fmt.Sprintf("find a credential for %s: %v", e.Registry, e.Err)
}

// Unwrap returns the provider's error and [ErrUnauthorized].
func (e *CredentialError) Unwrap() []error { return []error{ErrUnauthorized, e.Err} }
