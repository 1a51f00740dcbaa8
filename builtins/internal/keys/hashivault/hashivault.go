// SPDX-License-Identifier: Apache-2.0

// Package hashivault is the key provider of the transit engine of HashiCorp Vault
// and OpenBao: the public keys of its signing keys, version by version.
//
//	log in (kubernetes, approle; or a token) ──▶ GET /v1/<mount>/keys/<name> ──▶ public keys
//
// Only reading is asked for: a policy with "read" on transit/keys/<name> is enough.
package hashivault

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// maxBytes bounds one answer: a key with thousands of versions has less.
const maxBytes = 4 << 20

// Options configures a [Source].
type Options struct {
	// Client has a timeout and decides which addresses may be dialled. Its
	// redirects are not followed: the token would go along. Required.
	Client *http.Client
	// Address of the server, "https://vault.example:8200". Required.
	Address string
	// Namespace of Vault Enterprise or OpenBao. "": none.
	Namespace string
	// Mount of the transit engine. "": "transit".
	Mount string
	// Keys are the names of the transit keys. Required.
	Keys []string
	// Auth says how to log in. Required.
	Auth Auth
	// Env reads an environment variable. Required with Auth.TokenEnv.
	Env func(string) string
	// Now is the clock of the token's life. Nil: time.Now.
	Now func() time.Time
}

// Source is a [keys.Source]. It may be shared between goroutines.
type Source struct {
	o      Options
	client http.Client

	mu    sync.Mutex // one login at a time
	token token
}

// New returns a source that has not logged in.
func New(o Options) *Source {
	o.Address, o.Mount = strings.TrimSuffix(o.Address, "/"), cmp.Or(strings.Trim(o.Mount, "/"), "transit")
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Source{o: o, client: *o.Client}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return outbound.ErrRedirect }
	return s
}

// Fetch reads every key. One that is not there or must not be read keeps none of
// the others.
func (s *Source) Fetch(ctx context.Context) (keys.Snapshot, error) {
	if _, err := s.login(ctx); err != nil {
		return keys.Snapshot{}, err
	}
	var snapshot keys.Snapshot
	var errs []error
	for _, name := range s.o.Keys {
		versions, err := s.key(ctx, name)
		switch {
		case err == nil:
			snapshot.Keys = append(snapshot.Keys, versions...)
		case passing(err): // unnamed: the last good versions stay
			errs = append(errs, err)
		default:
			snapshot.Keys = append(snapshot.Keys, keys.Key{Name: name, Err: err})
			errs = append(errs, err)
		}
	}
	return snapshot, errors.Join(errs...)
}

func passing(err error) bool {
	e, ok := errors.AsType[*keys.Error](err)
	return ok && e.Retryable
}

// key reads one key. A token that has ended is replaced once.
func (s *Source) key(ctx context.Context, name string) ([]keys.Key, error) {
	step, path := "read key "+name, s.o.Mount+"/keys/"+url.PathEscape(name)
	held, err := s.login(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := s.send(ctx, step, http.MethodGet, path, held, nil)
	if denied(err) && s.alive(ctx, held) {
		return nil, aboutToken(err, "; no policy of the token has read on "+path)
	}
	if denied(err) && s.forget(held) {
		if held, err = s.login(ctx); err != nil {
			return nil, err
		}
		raw, err = s.send(ctx, step, http.MethodGet, path, held, nil)
	}
	if err != nil {
		return nil, aboutToken(err, "; the token has ended, or no policy of it has read on "+path)
	}
	return parseKey(step, name, raw)
}

func denied(err error) bool {
	e, ok := errors.AsType[*keys.Error](err)
	return ok && e.Code == "403"
}

// alive tells a token that has ended from one that must not read a key: for the second
// another login is no help, and may be the last that a secret id is good for.
func (s *Source) alive(ctx context.Context, token string) bool {
	_, err := s.send(ctx, "look up token", http.MethodGet, "auth/token/lookup-self", token, nil)
	return err == nil
}

// aboutToken: "permission denied" is said of who asks, and tells nothing about the
// key, not even whether there is one.
func aboutToken(err error, why string) error {
	if e, ok := errors.AsType[*keys.Error](err); ok && e.Code == "403" {
		e.Retryable = true
		e.Message += why
	}
	return err
}

// send asks the server. The error is a [keys.Error] without token and body.
func (s *Source) send(ctx context.Context, step, method, path, token string, body any) ([]byte, error) {
	var content io.Reader = http.NoBody
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, &keys.Error{Step: step, Err: err}
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.o.Address+"/v1/"+path, content)
	if err != nil {
		return nil, &keys.Error{Step: step, Message: "the address is not a URL"}
	}
	req.Header.Set("X-Vault-Request", "true")
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	if s.o.Namespace != "" {
		req.Header.Set("X-Vault-Namespace", s.o.Namespace)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, problem.Unreachable(step, err)
	}
	defer resp.Body.Close()
	raw, err := outbound.ReadAll(resp.Body, maxBytes)
	if err != nil {
		return nil, problem.Unreachable(step, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, keys.Refused(step, resp.StatusCode, "", refusal(raw, resp.StatusCode))
	}
	return raw, nil
}

// refusal is what the server says: {"errors": ["permission denied"]}, the same below
// "1 error occurred:" if a policy denies, or nothing for a key that it does not have.
func refusal(raw []byte, status int) string {
	var answer struct {
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(raw, &answer) != nil || len(answer.Errors) == 0 {
		return http.StatusText(status)
	}
	text := strings.TrimPrefix(answer.Errors[0], "1 error occurred:\n\t* ")
	return problem.Sanitise(strings.TrimSpace(text))
}
