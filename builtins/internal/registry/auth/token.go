// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// token returns a token for pulling from repository, from the cache if it can.
func (a *Authorizer) token(ctx context.Context, c challenge, credential auth.Credential, repository string) (string, error) {
	return a.tokens.Take(ctx, exchange{realm: c.params["realm"], service: c.params["service"], scope: "repository:" + repository + ":pull", credential: credential})
}

// exchange is everything a token depends on, also whose credential it was given for:
// after a rotation, or with another tenant's credential, it is another token.
type exchange struct {
	realm, service, scope string
	credential            auth.Credential
}

// key tells exchanges apart without telling the credential.
func (e exchange) key() string {
	parts := []string{
		e.realm, e.service, e.scope,
		e.credential.Username, e.credential.Password, e.credential.RefreshToken, e.credential.AccessToken,
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}
