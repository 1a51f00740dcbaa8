// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// static gives one credential to one host, and counts who asks.
type static struct {
	host       string
	credential auth.Credential
}

func (s static) Credential(_ context.Context, host string) (auth.Credential, error) {
	if host == s.host {
		return s.credential, nil
	}
	return auth.EmptyCredential, nil
}

var user = auth.Credential{Username: "user", Password: "hunter2"}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]registrytest.Options{
		"basic":                     {Basic: &registrytest.Basic{Username: "user", Password: "hunter2"}},
		"anonymous token":           {Token: &registrytest.Token{}},
		"token":                     {Token: &registrytest.Token{Username: "user", Password: "hunter2"}},
		"token server on a port":    {Token: &registrytest.Token{Username: "user", Password: "hunter2", SeparateHost: true}},
		"token over TLS":            {TLS: true, Token: &registrytest.Token{Username: "user", Password: "hunter2", SeparateHost: true}},
		"token, blobs on a port":    {RedirectBlobs: true, Token: &registrytest.Token{Username: "user", Password: "hunter2"}},
		"basic, blobs on a port":    {RedirectBlobs: true, Basic: &registrytest.Basic{Username: "user", Password: "hunter2"}},
		"token, TLS, blobs on port": {TLS: true, RedirectBlobs: true, Token: &registrytest.Token{Username: "user", Password: "hunter2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, o)
			settings := registry.Options{Credentials: static{w.Host(), user}}
			if o.TLS {
				settings.Registries = []registry.Registry{{Match: w.Host(), CA: w.CA()}}
			}
			if got, err := pull(t.Context(), client(t, settings), w); err != nil || string(got) != "envelope" {
				t.Fatalf("got %q, %v", got, err)
			}
			for _, r := range w.Requests() {
				if r.Server == registrytest.ServerBlobs && r.Header.Get("Authorization") != "" {
					t.Errorf("%s %s carries an Authorization header", r.Method, r.Path)
				}
			}
		})
	}
}

func TestKnownRegistryCostsNo401(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}})
	c := client(t, registry.Options{})
	if _, err := pull(t.Context(), c, w); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, r := range w.Requests() {
		if r.Status == http.StatusUnauthorized {
			refused++
		}
	}
	if n := tokens(w); refused != 1 || n != 1 {
		t.Errorf("%d answers 401 and %d token requests, want one of each", refused, n)
	}
}

func TestWrongPasswordIsUnauthorized(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]registrytest.Options{
		"basic": {Basic: &registrytest.Basic{Username: "user", Password: "hunter2"}},
		"token": {Token: &registrytest.Token{Username: "user", Password: "hunter2"}},
	} {
		w := newWorld(t, o)
		for _, credentials := range []static{{w.Host(), auth.Credential{Username: "user", Password: "wrong-password"}}, {"other.example", user}} {
			err := resolveTag(t.Context(), client(t, registry.Options{Credentials: credentials}), w)
			if code, retryable := registry.Classify(err); code != report.Unauthorized || retryable {
				t.Errorf("%s: %s, %v: %v", name, code, retryable, err)
			}
			if err != nil && strings.Contains(err.Error(), credentials.credential.Password) {
				t.Errorf("%s: the error tells the password: %v", name, err)
			}
		}
	}
}

func TestRefusedPasswordIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Basic: &registrytest.Basic{Username: "user", Password: "another"}})
	c := client(t, registry.Options{Credentials: static{w.Host(), user}})
	for _, want := range []int{2, 1} { // the first learns that Basic is wanted
		w.ResetRequests()
		if err := resolveTag(t.Context(), c, w); err == nil {
			t.Error("no error")
		}
		if n := len(w.Requests()); n != want {
			t.Errorf("%d requests, want %d", n, want)
		}
	}
}

// broken is a provider that is out of reach.
type broken struct{ err error }

func (b broken) Credential(context.Context, string) (auth.Credential, error) {
	return auth.EmptyCredential, b.err
}

func TestBrokenProviderIsNotAnonymous(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err       error
		code      report.Code
		retryable bool
	}{
		{errors.New("no such key"), report.Unauthorized, false},
		{&net.DNSError{Err: "no such host", Name: "sts.example"}, report.Unavailable, true},
		{context.DeadlineExceeded, report.Timeout, true},
	} {
		w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}})
		err := resolveTag(t.Context(), client(t, registry.Options{Credentials: broken{tt.err}, Retries: -1}), w)
		if code, retryable := registry.Classify(err); code != tt.code || retryable != tt.retryable {
			t.Errorf("%v: got %s, %v: %v", tt.err, code, retryable, err)
		}
		if n := tokens(w); n != 0 {
			t.Errorf("%v: %d token requests", tt.err, n)
		}
	}
}
