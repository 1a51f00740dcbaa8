// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// ErrAnswer says that a token server's answer cannot be used.
var ErrAnswer = errors.New("token server's answer is unusable")

// maxTokenBytes bounds a token server's answer: two copies of a token of 16 KiB,
// and room.
const maxTokenBytes = 128 << 10

// ServerError is a refusal by the token server. It unwraps to the
// [*problem.Problem].
type ServerError struct {
	Host    string
	Problem *problem.Problem
}

func (e *ServerError) Error() string { return "token server " + e.Host + ": " + e.Problem.Error() }

// Unwrap returns the problem.
func (e *ServerError) Unwrap() error { return e.Problem }

// ask asks for a token, until the client ends.
func (a *Authorizer) ask(ctx context.Context, e exchange) (string, time.Time, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.o.Base, cancel)() //nolint:contextcheck // ends with the client, not with a caller
	token, expires, err := a.fetch(ctx, e)
	if now := a.o.Now(); err == nil && !now.Before(expires) {
		expires = now.Add(time.Second) // it took longer than it lives, by its server's word: the registry judges
	}
	return token, expires, err
}

func (a *Authorizer) fetch(ctx context.Context, e exchange) (token string, expires time.Time, err error) {
	realm, err := parseRealm(e.realm)
	if err != nil {
		return "", time.Time{}, err
	}
	if err := a.realms.check(realm, e.credential != auth.EmptyCredential); err != nil {
		return "", time.Time{}, err
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return "", time.Time{}, ctx.Err()
	}
	req, err := e.request(ctx, realm)
	if err != nil {
		return "", time.Time{}, err
	}
	return a.send(req)
}

// request is a GET, with the password as Basic authentication if there is one,
// or a POST for an identity token.
func (e exchange) request(ctx context.Context, realm *url.URL) (*http.Request, error) {
	if e.credential.RefreshToken != "" {
		return e.post(ctx, realm)
	}
	u := *realm
	query := u.Query()
	if e.service != "" {
		query.Set("service", e.service)
	}
	query.Set("scope", e.scope)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%w: the registry's challenge names no URL as its realm", ErrRealm)
	}
	if e.credential.Username != "" || e.credential.Password != "" {
		req.SetBasicAuth(e.credential.Username, e.credential.Password)
	}
	return req, nil
}

func (e exchange) post(ctx context.Context, realm *url.URL) (*http.Request, error) {
	form := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {e.credential.RefreshToken},
		"service": {e.service}, "scope": {e.scope}, "client_id": {"opa-ratify"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, realm.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("%w: the registry's challenge names no URL as its realm", ErrRealm)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}

func (a *Authorizer) send(req *http.Request) (token string, expires time.Time, err error) {
	if a.o.UserAgent != "" {
		req.Header.Set("User-Agent", a.o.UserAgent)
	}
	began, now := time.Now(), a.o.Now()
	resp, err := a.client.Do(req)
	if err != nil {
		a.observe(req.URL.Host, 0, began)
		return "", time.Time{}, transportError(req.URL.Host, err)
	}
	defer resp.Body.Close()
	a.observe(req.URL.Host, resp.StatusCode, began)
	if resp.StatusCode != http.StatusOK {
		return "", time.Time{}, &ServerError{Host: req.URL.Host, Problem: problem.Read(resp, now)}
	}
	body, err := outbound.ReadAll(resp.Body, maxTokenBytes)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("token server %s: %w", req.URL.Host, err)
	}
	return parseToken(body, now)
}

// transportError drops the URL, which net/http puts into every error with its
// query: of a redirect, the query may be the secret.
func transportError(host string, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return fmt.Errorf("token server %s: %w", host, err)
}

func (a *Authorizer) observe(host string, status int, began time.Time) {
	if a.o.Observe != nil {
		a.o.Observe(host, status, time.Since(began))
	}
}

// parseToken reads a token server's answer; it never quotes it.
func parseToken(body []byte, now time.Time) (token string, expires time.Time, err error) {
	var answer struct {
		Token       string  `json:"token"`
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"` // seconds; some servers write a fraction
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", time.Time{}, fmt.Errorf("%w: it is not the JSON of a token", ErrAnswer)
	}
	value := answer.Token
	if value == "" {
		value = answer.AccessToken
	}
	if value == "" {
		return "", time.Time{}, fmt.Errorf("%w: it has no token", ErrAnswer)
	}
	seconds := min(max(answer.ExpiresIn, 0), maxLifetime.Seconds())
	lifetime := cmp.Or(time.Duration(seconds*float64(time.Second)), defaultLifetime)
	return value, now.Add(lifetime), nil
}
