// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
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

// tokens counts the requests for tokens.
func tokens(w *world) int {
	n := 0
	for _, r := range w.Requests() {
		if r.Server == registrytest.ServerToken {
			n++
		}
	}
	return n
}

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

func TestOneTokenForManyRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}})
	c := client(t, registry.Options{Registries: []registry.Registry{{Match: w.Host(), MaxConcurrent: 64}}})
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if _, err := c.Resolve(t.Context(), w.byTag()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := tokens(w); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

func TestFirstCallersCancellationFailsNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}})
	asked, release := make(chan struct{}, 8), make(chan struct{})
	w.Inject(registrytest.Fault{Kind: registrytest.KindToken, Action: registrytest.Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			asked <- struct{}{}
			<-release
			next.ServeHTTP(rw, r)
		})
	})})
	c := client(t, registry.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := c.Resolve(ctx, w.byTag()); first <- err }()
	<-asked
	go func() { _, err := c.Resolve(t.Context(), w.byTag()); second <- err }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled call: %v", err)
	}
	close(release)
	if err := <-second; err != nil {
		t.Errorf("the other call: %v", err)
	}
	if n := tokens(w); n != 1 {
		t.Errorf("%d token requests, want 1: the first went on", n)
	}
}

func TestExpiredTokenIsRenewedBeforeUse(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{Lifetime: time.Minute}, Now: clock.Now})
	c := client(t, registry.Options{Now: clock.Now})
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Minute)
	w.ResetRequests()
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Fatal(err)
	}
	if got := w.arrived(); len(got) != 2 || !strings.HasPrefix(got[0], "token") {
		t.Errorf("requests %q; want a token, then the answer, and no 401", got)
	}
}

func TestRevokedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{Lifetime: time.Minute}, Now: clock.Now})
	c := client(t, registry.Options{}) // whose clock stands apart: to it the token is fresh
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Minute)
	w.ResetRequests()
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Fatal(err)
	}
	if n := tokens(w); n != 1 || len(w.Requests()) != 3 {
		t.Errorf("%d token requests of %q", n, w.arrived())
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

func TestTokenServerFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		action    registrytest.Action
		code      report.Code
		retryable bool
	}{
		{"403", registrytest.Status(403, nil), report.Unauthorized, false},
		{"429", registrytest.Status(429, http.Header{"Retry-After": {"100"}}), report.RateLimited, true},
		{"503", registrytest.Status(503, nil), report.Unavailable, true},
		{"reset", registrytest.Reset(), report.Unavailable, true},
		{"no JSON", registrytest.Replace([]byte("<html>")), report.InvalidResponse, false},
		{"no token", registrytest.Replace([]byte("{}")), report.InvalidResponse, false},
		{"a token with a line feed", registrytest.Replace([]byte(`{"token":"a\nX: y"}`)), report.InvalidResponse, false},
		{"oversized", registrytest.Oversize(1<<20, -1), report.TooLarge, false},
		{"redirect to metadata", registrytest.Redirect("http://169.254.169.254/"), report.Unauthorized, false},
		{"redirect to clear text elsewhere", registrytest.Redirect("http://example.invalid/"), report.Unauthorized, false},
	} {
		w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}})
		w.Inject(registrytest.Fault{Kind: registrytest.KindToken, Action: tt.action})
		err := resolveTag(t.Context(), client(t, registry.Options{}), w)
		if code, retryable := registry.Classify(err); code != tt.code || retryable != tt.retryable {
			t.Errorf("%s: got %s, %v; want %s, %v: %v", tt.name, code, retryable, tt.code, tt.retryable, err)
		}
	}
}

func TestRealmElsewhereGetsNoCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{Username: "user", Password: "hunter2"}})
	for _, realm := range []string{"https://auth.evil.example/token", "http://localhost:1/token", "https://169.254.169.254/token", "gopher://x/", "://"} {
		remove := w.Inject(registrytest.Fault{Server: registrytest.ServerRegistry, Action: registrytest.Realm(realm)})
		err := resolveTag(t.Context(), client(t, registry.Options{Credentials: static{w.Host(), user}}), w)
		remove()
		if code, retryable := registry.Classify(err); code != report.Unauthorized || retryable {
			t.Errorf("%s: got %s, %v: %v", realm, code, retryable, err)
		}
	}
	if n := tokens(w); n != 0 {
		t.Errorf("%d token requests", n)
	}
}

func TestRefusedRealmNamesTheRemedy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{Username: "user", Password: "hunter2"}})
	w.Inject(registrytest.Fault{Server: registrytest.ServerRegistry, Action: registrytest.Realm("https://auth.evil.example/token")})
	err := resolveTag(t.Context(), client(t, registry.Options{Credentials: static{w.Host(), user}}), w)
	for _, want := range []string{"auth.evil.example", w.Host(), "trusted_realms"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestDeclaredRealmGetsTheCredential(t *testing.T) {
	t.Parallel()
	o := registrytest.Options{TLS: true, Token: &registrytest.Token{Username: "user", Password: "hunter2", SeparateHost: true}}
	w := newWorld(t, o)
	elsewhere := strings.Replace(w.TokenURL(), "127.0.0.1", "localhost", 1)
	w.Inject(registrytest.Fault{Server: registrytest.ServerRegistry, Action: registrytest.Realm(elsewhere)})
	settings := registry.Registry{Match: w.Host(), CA: w.CA()}
	for _, declare := range []bool{false, true} {
		if declare {
			settings.TrustedRealms = []string{strings.Split(elsewhere, "/")[2]}
		}
		err := resolveTag(t.Context(), client(t, registry.Options{
			Registries: []registry.Registry{settings}, Credentials: static{w.Host(), user},
		}), w)
		if (err == nil) != declare {
			t.Errorf("declared: %v: %v", declare, err)
		}
	}
}

func TestAnonymousTokenOnlyFromPublicAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{TLS: true, Token: &registrytest.Token{SeparateHost: true}})
	w.Inject(registrytest.Fault{Server: registrytest.ServerRegistry, Action: registrytest.Realm(strings.Replace(w.TokenURL(), "127.0.0.1", "localhost", 1))})
	settings := []registry.Registry{{Match: w.Host(), CA: w.CA()}}
	err := resolveTag(t.Context(), client(t, registry.Options{Registries: settings}), w)
	if code, _ := registry.Classify(err); code != report.RegistryNotAllowed {
		t.Errorf("got %s: %v", code, err)
	}
	if n := tokens(w); n != 0 {
		t.Errorf("%d token requests", n)
	}
	loopback := outbound.Policy{Allow: prefixes("127.0.0.0/8", "::1/128")}
	if err := resolveTag(t.Context(), client(t, registry.Options{Registries: settings, Outbound: loopback}), w); err != nil {
		t.Errorf("allowed by the operator: %v", err)
	}
}

func TestRedirectedChallengeIsNotAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	thief := newWorld(t, registrytest.Options{Basic: &registrytest.Basic{Username: "user", Password: "hunter2"}})
	w.Inject(registrytest.Fault{Kind: registrytest.KindBlob, Action: registrytest.Redirect(thief.URL() + "/v2/app/blobs/" + thief.envelope.Digest.String())})
	err := fetchBlob(t.Context(), client(t, registry.Options{Credentials: everybody{}}), w)
	if code, _ := registry.Classify(err); code != report.Unauthorized {
		t.Errorf("got %s: %v", code, err)
	}
	for _, r := range append(thief.Requests(), w.Requests()...) {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("the credential went to %s, which did not ask for it", r.Host)
		}
	}
}

// everybody gives the user's credential to all, as no provider should.
type everybody struct{}

func (everybody) Credential(context.Context, string) (auth.Credential, error) { return user, nil }

func TestTokenIsRenewedAheadOfItsEnd(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{Lifetime: time.Minute}, Now: clock.Now})
	renewed := make(chan registry.RequestEvent, 8)
	c := client(t, registry.Options{Now: clock.Now, Observe: func(e registry.RequestEvent) {
		if e.Kind == registry.KindToken {
			renewed <- e
		}
	}})
	for _, step := range []struct {
		passes time.Duration
		tokens int
	}{{0, 1}, {50 * time.Second, 1}, {40 * time.Second, 0}} {
		clock.Advance(step.passes)
		if err := resolveTag(t.Context(), c, w); err != nil {
			t.Fatal(err)
		}
		for range step.tokens {
			<-renewed
		}
	}
	for _, r := range w.Requests()[1:] {
		if r.Status == http.StatusUnauthorized {
			t.Errorf("a request met 401: %q", w.arrived())
		}
	}
	if n := tokens(w); n != 2 {
		t.Errorf("%d tokens, want 2", n)
	}
}

func TestChangedRealmIsFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{Username: "user", Password: "hunter2"}})
	c := client(t, registry.Options{Credentials: static{w.Host(), user}})
	remove := w.Inject(registrytest.Fault{Server: registrytest.ServerRegistry, Action: registrytest.Realm("https://auth.evil.example/token")})
	if err := resolveTag(t.Context(), c, w); err == nil {
		t.Fatal("no error")
	}
	remove()
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Errorf("the refused realm is remembered: %v", err)
	}
}

func TestMovedTokenServerIsFollowed(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}, Now: clock.Now})
	c := client(t, registry.Options{Now: clock.Now})
	remove := w.Inject(registrytest.Fault{Server: registrytest.ServerRegistry, Action: registrytest.Realm(w.TokenURL() + "?old=1")})
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Fatal(err)
	}
	remove()
	clock.Advance(time.Hour)
	w.Inject(registrytest.Fault{Server: registrytest.ServerToken, Action: registrytest.Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("old") {
				rw.WriteHeader(http.StatusGone)
				return
			}
			next.ServeHTTP(rw, r)
		})
	})})
	for _, works := range []bool{false, true} {
		if err := resolveTag(t.Context(), c, w); (err == nil) != works {
			t.Errorf("want %v: %v", works, err)
		}
	}
}

// rotating gives what it holds at the moment.
type rotating struct {
	now atomic.Pointer[auth.Credential]
}

func (r *rotating) Credential(context.Context, string) (auth.Credential, error) {
	return *r.now.Load(), nil
}

func TestTokenOfAnotherCredentialIsNotUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{Username: "user", Password: "hunter2"}})
	var credentials rotating
	credentials.now.Store(&user)
	c := client(t, registry.Options{Credentials: &credentials})
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Fatal(err)
	}
	for _, other := range []auth.Credential{{Username: "user", Password: "wrong"}, {Username: "other", Password: "hunter2"}, {}} {
		credentials.now.Store(&other)
		if err := resolveTag(t.Context(), c, w); err == nil {
			t.Errorf("%q pulls with the first one's token", other.Username)
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
