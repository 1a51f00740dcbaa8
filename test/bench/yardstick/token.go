// SPDX-License-Identifier: Apache-2.0

package yardstick

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// tokens are kept by registry and repository. Where a registry's tokens come from is
// learned once, from its first challenge.
//
// Spec: Docker "Token Authentication Specification".
type tokens struct {
	client *http.Client
	realms *sync.Map // host → realm
	kept   *memo[string]
}

type realm struct{ url, service string }

// tokenTTL is less than the least lifetime of tokens, a minute.
const tokenTTL = 50 * time.Second

func newTokens(client *http.Client, now func() time.Time) tokens {
	return tokens{client, &sync.Map{}, newMemo[string](tokenTTL, now)}
}

// authorized sends one request with the token it needs. A registry that has not yet been
// asked says by a challenge that it wants one.
func (r *registry) authorized(ctx context.Context, method string, ref reference, u *url.URL) (*answer, error) {
	token, err := r.tokens.of(ctx, ref)
	if err != nil {
		return nil, err
	}
	a, err := r.once(ctx, method, u, token)
	if err != nil || a.status != http.StatusUnauthorized || token != "" || !r.tokens.learn(ref.host, a.header.Get("WWW-Authenticate")) {
		return a, err
	}
	if token, err = r.tokens.of(ctx, ref); err != nil {
		return nil, err
	}
	return r.once(ctx, method, u, token)
}

var parameter = regexp.MustCompile(`(realm|service)="([^"]*)"`)

// learn reads a challenge and says whether it wants a bearer token.
func (t tokens) learn(host, challenge string) bool {
	if !strings.HasPrefix(challenge, "Bearer ") {
		return false
	}
	var found realm
	for _, p := range parameter.FindAllStringSubmatch(challenge, -1) {
		if p[1] == "realm" {
			found.url = p[2]
		} else {
			found.service = p[2]
		}
	}
	t.realms.Store(host, found)
	return true
}

// of is the token for a repository, "" where none is needed as far as is known.
func (t tokens) of(ctx context.Context, ref reference) (string, error) {
	known, ok := t.realms.Load(ref.host)
	if !ok {
		return "", nil
	}
	from, _ := known.(realm) // nothing else is stored
	return t.kept.get(ctx, ref.host+"/"+ref.repo, func(ctx context.Context) (string, error) {
		return t.ask(ctx, from, "repository:"+ref.repo+":pull")
	})
}

func (t tokens) ask(ctx context.Context, from realm, scope string) (string, error) {
	query := url.Values{"service": {from.service}, "scope": {scope}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.url+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return "", err
	}
	a, err := do(t.client, req)
	if err != nil {
		return "", err
	}
	var issued struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(a.body, &issued); err != nil || a.status != http.StatusOK {
		return "", fmt.Errorf("token server: status %d", a.status)
	}
	if issued.Token == "" {
		return issued.AccessToken, nil
	}
	return issued.Token, nil
}
