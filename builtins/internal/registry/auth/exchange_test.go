// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/auth"
)

// seen is what a server was sent.
type seen struct {
	mu            sync.Mutex
	requests      int
	form          url.Values
	authorization string
}

// tokenServer answers "t1" and notes what it was sent; redirect, if set, is where
// it sends requests instead.
func tokenServer(t *testing.T, redirect string) (*httptest.Server, *seen) {
	t.Helper()
	s := &seen{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		s.requests, s.form, s.authorization = s.requests+1, r.Form, r.Header.Get("Authorization")
		if redirect != "" {
			http.Redirect(w, r, redirect, http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, `{"token":"t1"}`)
	}))
	t.Cleanup(server.Close)
	return server, s
}

type credential orasauth.Credential

func (c credential) Credential(context.Context, string) (orasauth.Credential, error) {
	return orasauth.Credential(c), nil
}

// authorizer is one for a plain registry on 127.0.0.1.
func authorizer(t *testing.T, c credential) *auth.Authorizer {
	t.Helper()
	a, err := auth.New(auth.Options{
		Registry: "127.0.0.1:5000", URL: &url.URL{Scheme: "http", Host: "127.0.0.1:5000"}, Credentials: c,
		Transport: func(string) http.RoundTripper { return http.DefaultTransport }, Public: http.DefaultTransport,
		Base: t.Context(), Now: time.Now, UserAgent: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// challenged asks for a token at realm.
func challenged(t *testing.T, realm string, c credential) (string, error) {
	t.Helper()
	return authorizer(t, c).Challenged(t.Context(), []string{`Bearer realm="` + realm + `",service="s"`}, "team/app", "")
}

func TestIdentityTokenIsPosted(t *testing.T) {
	t.Parallel()
	server, got := tokenServer(t, "")
	header, err := challenged(t, server.URL+"/token", credential{RefreshToken: "identity"})
	if err != nil || header != "Bearer t1" {
		t.Fatalf("got %q, %v", header, err)
	}
	want := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"identity"}, "service": {"s"},
		"scope": {"repository:team/app:pull"}, "client_id": {"opa-ratify"},
	}
	if diff := cmp.Diff(want, got.form); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
}

func TestPasswordIsSentAsBasic(t *testing.T) {
	t.Parallel()
	server, got := tokenServer(t, "")
	if _, err := challenged(t, server.URL+"/token?account=a", credential{Username: "u", Password: "p"}); err != nil {
		t.Fatal(err)
	}
	want := url.Values{"account": {"a"}, "service": {"s"}, "scope": {"repository:team/app:pull"}}
	if diff := cmp.Diff(want, got.form); diff != "" || got.authorization != "Basic dTpw" {
		t.Errorf("%q, query (-want +got):\n%s", got.authorization, diff)
	}
}

func TestRegistryTokenNeedsNoServer(t *testing.T) {
	t.Parallel()
	if header, err := challenged(t, "https://auth.evil.example/token", credential{AccessToken: "given"}); err != nil || header != "Bearer given" {
		t.Errorf("got %q, %v", header, err)
	}
}

func TestFormIsNotResentElsewhere(t *testing.T) {
	t.Parallel()
	thief, stolen := tokenServer(t, "")
	server, _ := tokenServer(t, thief.URL+"/token")
	_, err := challenged(t, server.URL+"/token", credential{RefreshToken: "identity"})
	if !errors.Is(err, auth.ErrRealm) || stolen.requests != 0 || strings.Contains(err.Error(), "identity") {
		t.Errorf("got %v; %d requests at another origin", err, stolen.requests)
	}
}

func TestPasswordIsNotResentElsewhere(t *testing.T) {
	t.Parallel()
	thief, stolen := tokenServer(t, "")
	server, _ := tokenServer(t, thief.URL+"/token")
	if _, err := challenged(t, server.URL+"/token", credential{Username: "u", Password: "p"}); err != nil {
		t.Fatal(err)
	}
	if stolen.requests != 1 || stolen.authorization != "" {
		t.Errorf("%d requests with %q at another origin", stolen.requests, stolen.authorization)
	}
}

// Two callers may both find no token, one before and one after a third one's
// request ended.
func TestTokenThatCameInMeanwhileIsUsed(t *testing.T) {
	t.Parallel()
	server, got := tokenServer(t, "")
	a := authorizer(t, credential{})
	for range 2 {
		if err := a.Exchange(t.Context(), server.URL+"/token"); err != nil {
			t.Fatal(err)
		}
	}
	if got.requests != 1 {
		t.Errorf("%d requests, want 1", got.requests)
	}
}
