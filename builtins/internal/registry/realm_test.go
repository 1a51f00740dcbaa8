// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

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

// declaring is a credential provider whose registry has its token server elsewhere.
type declaring struct {
	static
	realm string
}

func (d declaring) Realms(host string) []string {
	if host != d.host {
		return nil
	}
	return []string{d.realm}
}

func TestRealmOfCredentialProviderGetsTheCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{TLS: true, Token: &registrytest.Token{Username: "user", Password: "hunter2", SeparateHost: true}})
	elsewhere := strings.Replace(w.TokenURL(), "127.0.0.1", "localhost", 1)
	w.Inject(registrytest.Fault{Server: registrytest.ServerRegistry, Action: registrytest.Realm(elsewhere)})
	settings := []registry.Registry{{Match: w.Host(), CA: w.CA()}}
	for realm, good := range map[string]bool{"auth.example": false, strings.Split(elsewhere, "/")[2]: true} {
		err := resolveTag(t.Context(), client(t, registry.Options{Registries: settings, Credentials: declaring{static{w.Host(), user}, realm}}), w)
		if (err == nil) != good {
			t.Errorf("%s: %v", realm, err)
		}
	}
}
