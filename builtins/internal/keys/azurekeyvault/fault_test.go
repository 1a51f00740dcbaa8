// SPDX-License-Identifier: Apache-2.0

package azurekeyvault_test

import (
	"crypto/elliptic"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/azurekeyvault"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/azuretest"
)

// A failure of the service takes nothing away, and is reported.
func TestFailuresAreReportedAndNotFinal(t *testing.T) {
	t.Parallel()
	reply := func(at string, status int, body string) func(*testing.T, *scene) {
		return func(_ *testing.T, s *scene) {
			s.handlers[at] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://evil.example/take")
				w.Header().Set("X-Ms-Request-Id", "request-3")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			})
		}
	}
	for _, tt := range []struct {
		name string
		fail func(*testing.T, *scene)
		want string
	}{
		{"expired service account token", func(t *testing.T, s *scene) {
			t.Helper()
			expired := s.azure.Assertion(s.azure.Subject, azuretest.AssertionAudience, now.Add(-time.Hour))
			if err := os.WriteFile(s.options.Identity.TokenFile, []byte(expired), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "get Microsoft Entra token: AADSTS700024"},
		{"wrong tenant", func(_ *testing.T, s *scene) { s.handlers[host] = azuretest.New(time.Now).NewVault(host) }, `does not accept a token of tenant "11111111-2222-3333-4444-555555555555"`},
		{"no role", reply(host, 403, `{"error":{"code":"Forbidden","message":"Caller is not authorized, token=hunter2","innererror":{"code":"ForbiddenByRbac"}}}`), "ForbiddenByRbac the identity may not read it"},
		{"firewall", reply(host, 403, `{"error":{"code":"Forbidden","message":"x","innererror":{"code":"ForbiddenByFirewall"}}}`), "firewall"},
		{"down", reply(host, 503, `hunter2`), `get key "release": 503 service unavailable (request id request-3)`},
		{"throttled", reply(host, 429, `{"error":{"code":"Throttled","message":"Request was not processed"}}`), "Throttled"},
		{"redirect", reply(host, 302, ``), "evil.example, which is not followed"},
		{"page of a proxy", reply(host, 404, `<html>hunter2`), `get key "release": 404`},
		{"not JSON", reply(host, 200, `<html>hunter2`), "not in the form"},
		{"another object", reply(host, 200, `{"key":{"kid":"https://contoso.vault.azure.net/keys/other/v1"},"attributes":{"enabled":true}}`), "another object"},
		{"unexpected types", reply(host, 500, `{"error":{"code":404,"message":["hunter2"]}}`), `get key "release": 500`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			rotated(t, s)
			tt.fail(t, s)
			s.options.Keys = []azurekeyvault.Object{{Name: "release"}}
			got, err := s.fetch(t, s.source(t))
			if len(got) != 0 || err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %+v, %v", got, err)
			}
			for _, r := range s.hosts.Requests() {
				if strings.Contains(r, "evil") {
					t.Error("the target of the redirect was asked")
				}
			}
		})
	}
}

func TestNextPageIsOfTheVault(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.handlers[host] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"value":[],"nextLink":"https://contoso.vault.azure.net.evil.example/keys/release/versions"}`))
	})
	s.options.Keys = []azurekeyvault.Object{{Name: "release", Versions: []string{"all"}}}
	if got, err := s.fetch(t, s.source(t)); err == nil || !strings.Contains(err.Error(), "another address") || len(got) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if n := len(s.hosts.Requests()); n != 2 {
		t.Errorf("requests: %q", s.hosts.Requests())
	}
}

// switched is a handler that a test can turn off.
type switched struct {
	on http.Handler

	mu  sync.Mutex
	off bool
}

func (h *switched) turn(off bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.off = off
}

func (h *switched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	off := h.off
	h.mu.Unlock()
	if off {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	h.on.ServeHTTP(w, r)
}

// What is disabled is gone with the next fetch; an outage takes nothing away.
func TestDisablingCountsAtOnceAndAnOutageDoesNot(t *testing.T) {
	t.Parallel()
	for _, versions := range [][]string{nil, {"all"}, {"v1", "v3"}} {
		s := newScene(t)
		rotated(t, s)
		service := &switched{on: s.vault}
		s.handlers[host] = service
		s.options.Keys = []azurekeyvault.Object{{Name: "release", Versions: versions}}
		set, refresh := newSet(t, s.source(t))
		if found := lookup(t, set, "v3"); len(found.Keys) != 1 {
			t.Errorf("%q: %+v", versions, found)
		}
		service.turn(true)
		refresh()
		if found := lookup(t, set, "v3"); len(found.Keys) != 1 || set.Status()[0].Err == nil {
			t.Errorf("%q: down: %+v, %v", versions, found, set.Status()[0].Err)
		}
		if found := lookup(t, set, ""); len(found.Keys) != 1 || found.Keys[0].Version != "v3" {
			t.Errorf("%q: down, latest: %+v", versions, found)
		}
		service.turn(false)
		s.vault.Disable("keys/release", "v3")
		refresh()
		if found := lookup(t, set, "v3"); len(found.Keys) != 0 || len(found.Absent) != 1 || found.Absent[0].Retryable {
			t.Errorf("%q: disabled: %+v", versions, found)
		}
		s.vault.Delete("keys/release")
		refresh()
		if found := lookup(t, set, keys.AllEnabled); len(found.Keys) != 0 {
			t.Errorf("%q: deleted: %+v", versions, found)
		}
		set.Close()
	}
}

// newSet returns a set of one provider, and what makes two hours pass and waits for
// the fetch that is due then.
func newSet(t *testing.T, source keys.Source) (*keys.Set, func()) {
	t.Helper()
	var passed atomic.Int64
	fetched := make(chan struct{}, 1)
	set := keys.NewSet([]keys.Provider{{Name: "prod", Source: source, RefreshInterval: time.Hour, MaxStale: 24 * time.Hour}}, keys.Options{
		Now:     func() time.Time { return now.Add(time.Duration(passed.Load())) },
		Fetched: func(keys.Status) { fetched <- struct{}{} },
	})
	lookup(t, set, "")
	<-fetched
	return set, func() {
		passed.Add(int64(2 * time.Hour))
		lookup(t, set, "")
		<-fetched
	}
}

// One key that cannot be read does not remove the others.
func TestOneBadKeyLeavesTheOthers(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, third := rotated(t, s)
	good := ecKey(t, elliptic.P384())
	s.vault.PutKey("other", azuretest.Version{Version: "v1", Key: good, Created: age(1)})
	service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/keys/other") {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		s.vault.ServeHTTP(w, r)
	})
	s.handlers[host] = service
	s.options.Keys = []azurekeyvault.Object{{Name: "other"}, {Name: "release"}, {Name: "absent"}}
	got, err := s.fetch(t, s.source(t))
	if err == nil || !strings.Contains(err.Error(), `get key "other": 502`) || len(got) != 2 || got[0].PEM != third || !strings.Contains(got[1].Err, "KeyNotFound") {
		t.Errorf("got %+v, %v", got, err)
	}
}
