// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"net/url"
	"time"
)

// ParseChallenges returns scheme and parameters of each challenge.
func ParseChallenges(headers []string) (schemes []string, params []map[string]string) {
	for _, c := range parseChallenges(headers) {
		schemes, params = append(schemes, c.scheme), append(params, c.params)
	}
	return schemes, params
}

// CheckRealm judges realm for a registry at base.
func CheckRealm(name, base string, trusted []string, realm string, withCredential bool) error {
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	a, err := New(Options{Registry: name, URL: u, TrustedRealms: trusted, Now: time.Now})
	if err != nil {
		return err
	}
	parsed, err := parseRealm(realm)
	if err != nil {
		return err
	}
	return a.realms.check(parsed, withCredential)
}

// ParseToken reads a token server's answer.
func ParseToken(body []byte, now time.Time) (value string, expires time.Time, err error) {
	return parseToken(body, now)
}

// Exchange asks for a token as a caller does that found none in the cache.
func (a *Authorizer) Exchange(ctx context.Context, realm string) error {
	_, err := a.tokens.Take(ctx, exchange{realm: realm, scope: "repository:app:pull"})
	return err
}
