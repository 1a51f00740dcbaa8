// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

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

// While a token is good, an outage of its server is not noticed, and the server is not
// asked more often than after a pause.
func TestTokenOutlivesAnOutageOfItsServer(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{Lifetime: 10 * time.Minute}, Now: clock.Now})
	asked := make(chan registry.RequestEvent, 64)
	c := client(t, registry.Options{Now: clock.Now, Observe: func(e registry.RequestEvent) {
		if e.Kind == registry.KindToken {
			asked <- e
		}
	}})
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Fatal(err)
	}
	<-asked
	up := w.Inject(registrytest.Fault{Kind: registrytest.KindToken, Action: registrytest.Status(503, nil)})
	clock.Advance(8 * time.Minute)
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Fatal(err)
	}
	if e := <-asked; e.Status != 503 {
		t.Errorf("renewal: status %d", e.Status)
	}
	for range 50 {
		if err := resolveTag(t.Context(), c, w); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(2 * time.Minute)
	if code, retryable := registry.Classify(resolveTag(t.Context(), c, w)); code != report.Unavailable || !retryable {
		t.Errorf("after its end: %s, retryable %v", code, retryable)
	}
	if n := tokens(w); n > 8 {
		t.Errorf("%d token requests", n)
	}
	up()
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Errorf("recovered: %v", err)
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
