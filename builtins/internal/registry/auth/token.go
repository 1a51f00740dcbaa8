// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"
)

const (
	// defaultLifetime of a token whose server does not say.
	// Spec: Docker "Token Authentication", "Token Response Fields".
	defaultLifetime = 60 * time.Second
	// maxLifetime bounds what a server can make us believe; a longer-lived token
	// is merely asked for again.
	maxLifetime = time.Hour
	// exchangeTimeout bounds one token request, which no caller's deadline does: as
	// long as a registry's answer may take to begin.
	exchangeTimeout = 5 * time.Second
)

// token is a cached bearer token.
type token struct {
	value   string
	renew   time.Time // from here on it is renewed in the background
	expires time.Time // from here on it is not used
}

// newToken takes a quarter of its life, at most 30 s, as the time to renew it in,
// and a third of that as the margin for clocks and requests under way.
func newToken(value string, lifetime time.Duration, now time.Time) token {
	if lifetime <= 0 {
		lifetime = defaultLifetime
	}
	lifetime = min(lifetime, maxLifetime)
	ahead := min(lifetime/4, 30*time.Second)
	return token{value: value, renew: now.Add(lifetime - ahead), expires: now.Add(lifetime - ahead/3)}
}

// token returns a token for pulling from repository, from the cache if it can.
func (a *Authorizer) token(ctx context.Context, c challenge, credential auth.Credential, repository string) (string, error) {
	e := exchange{realm: c.params["realm"], service: c.params["service"], scope: "repository:" + repository + ":pull", credential: credential}
	key := e.key()
	if t, ok := a.tokens.Get(key); ok && a.o.Now().Before(t.expires) {
		if !a.o.Now().Before(t.renew) {
			a.start(ctx, key, e) // the answer is for the callers to come
		}
		return t.value, nil
	}
	select {
	case got := <-a.start(ctx, key, e):
		if got.Err != nil {
			return "", got.Err
		}
		value, ok := got.Val.(string)
		if !ok {
			return "", fmt.Errorf("%w: no token", ErrAnswer)
		}
		return value, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// exchange is everything a token depends on.
type exchange struct {
	realm, service, scope string
	credential            auth.Credential
}

// key tells tokens apart, also by whose credential they were given for: after a
// rotation, or with another tenant's credential, it is another token.
func (e exchange) key() string {
	parts := []string{
		e.realm, e.service, e.scope,
		e.credential.Username, e.credential.Password, e.credential.RefreshToken, e.credential.AccessToken,
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// drop forgets the token in an Authorization value that a registry refused.
func (a *Authorizer) drop(used string) {
	value, ok := strings.CutPrefix(used, "Bearer ")
	if !ok {
		return
	}
	for _, key := range a.tokens.Keys() {
		if t, ok := a.tokens.Peek(key); ok && t.value == value {
			a.tokens.Remove(key)
		}
	}
}
