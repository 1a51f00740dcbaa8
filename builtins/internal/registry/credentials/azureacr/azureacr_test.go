// SPDX-License-Identifier: Apache-2.0

package azureacr_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/entra"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/azureacr"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/azuretest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/hosts"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// scene is a pod of a workload with a registry of each cloud.
type scene struct {
	azure    *azuretest.Azure
	hosts    *hosts.Hosts
	options  azureacr.Options
	handlers map[string]http.Handler
	clock    *clock
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newScene(t *testing.T) *scene {
	t.Helper()
	c := &clock{at: now}
	s := &scene{azure: azuretest.New(c.now), clock: c}
	registry := s.azure.Registry(http.NotFoundHandler())
	s.handlers = map[string]http.Handler{
		"login.microsoftonline.com": s.azure.Authority(),
		"login.microsoftonline.us":  s.azure.Authority(),
		"login.chinacloudapi.cn":    s.azure.Authority(),
		"contoso.azurecr.io":        registry, "fabrikam.azurecr.io": registry,
		"contoso.azurecr.us": registry, "contoso.azurecr.cn": registry, "contoso.eastus.geo.azurecr.io": registry,
	}
	s.hosts = hosts.New(t, s.handlers)
	s.options.Identity = entra.Options{
		TenantID: s.azure.Tenant, ClientID: s.azure.ClientID, TokenFile: filepath.Join(t.TempDir(), "token"),
		Transport: s.hosts.Transport(), Now: c.now,
	}
	s.project(t, s.azure.Assertion(s.azure.Subject, azuretest.AssertionAudience, now.Add(time.Hour))+"\n")
	return s
}

// project writes the pod's token.
func (s *scene) project(t *testing.T, token string) {
	t.Helper()
	if err := os.WriteFile(s.options.Identity.TokenFile, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) provider(t *testing.T) *azureacr.Provider {
	t.Helper()
	p, err := azureacr.New(s.options)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWorkloadIdentityGivesARefreshTokenInEachCloud(t *testing.T) {
	t.Parallel()
	for host, authority := range map[string]string{
		"contoso.azurecr.io": "login.microsoftonline.com", "contoso.azurecr.us": "login.microsoftonline.us",
		"contoso.azurecr.cn": "login.chinacloudapi.cn", "contoso.eastus.geo.azurecr.io": "login.microsoftonline.com",
	} {
		s := newScene(t)
		got, expires, err := s.provider(t).Fetch(t.Context(), host)
		if err != nil || got.RefreshToken == "" || !expires.Equal(now.Add(azuretest.RefreshLife)) {
			t.Errorf("%s: %v, expires %v", host, err, expires)
		}
		want := []string{"POST " + authority + "/" + s.azure.Tenant + "/oauth2/v2.0/token", "POST " + host + "/oauth2/exchange"}
		if diff := cmp.Diff(want, s.hosts.Requests()); diff != "" {
			t.Errorf("%s: requests (-want +got):\n%s", host, diff)
		}
	}
}

func TestTheEnvironmentOfAPodIsEnough(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	env := map[string]string{
		"AZURE_TENANT_ID": s.azure.Tenant, "AZURE_CLIENT_ID": s.azure.ClientID,
		"AZURE_FEDERATED_TOKEN_FILE": s.options.Identity.TokenFile, "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
	}
	s.options.Identity = entra.Options{Env: func(k string) string { return env[k] }, Transport: s.hosts.Transport(), Now: s.clock.now}
	if _, _, err := s.provider(t).Fetch(t.Context(), "contoso.azurecr.io"); err != nil {
		t.Fatal(err)
	}
}

// A token of Entra serves every registry of its tenant.
func TestOneEntraTokenServesManyRegistries(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.provider(t)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			host := []string{"contoso.azurecr.io", "fabrikam.azurecr.io"}[i%2]
			if _, _, err := p.Fetch(t.Context(), host); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := s.azure.Tokens(); n != 1 {
		t.Errorf("%d tokens were asked for, want 1", n)
	}
	s.clock.advance(time.Hour)
	s.project(t, s.azure.Assertion(s.azure.Subject, azuretest.AssertionAudience, s.clock.now().Add(time.Hour)))
	if _, _, err := p.Fetch(t.Context(), "contoso.azurecr.io"); err != nil || s.azure.Tokens() != 2 {
		t.Errorf("after its life: %v, %d tokens", err, s.azure.Tokens())
	}
}

func TestLookAlikesGetNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.provider(t)
	for _, host := range []string{
		"contoso.azurecr.io.evil.io", "contoso.azurecr.io.", "contoso.azurecr.io:5000", "contoso.azurecr.io:80", "azurecr.io", ".azurecr.io",
		"contosoazurecr.io", "contoso.azurecr.io@evil.io", "evil.io/contoso.azurecr.io", "contoso.azurecr.de", "contoso.azurecr.com",
		"contoso.eastus.data.azurecr.io", "a.b.contoso.azurecr.io", "contoso.evil.azurecr.io", "contoso.azurecr.io\n", "contoso.azurecr.io\x00.evil.io",
		"x.azurecr.io.evil.io", "contoso.blob.core.windows.net", "cont.azurecr.io", "CONTOSO.azurecr.io", "contöso.azurecr.io", "contoso..azurecr.io", "contoso-.azurecr.io", "",
	} {
		if p.Owns(host) {
			t.Errorf("%q is owned", host)
		}
		if got, _, err := p.Fetch(t.Context(), host); err == nil || got != auth.EmptyCredential {
			t.Errorf("%q: %+v, %v", host, got, err)
		}
	}
	if got := s.hosts.Requests(); len(got) != 0 {
		t.Errorf("requests: %q", got)
	}
	for _, host := range []string{"contoso.azurecr.io", "contoso.azurecr.us", "contoso.azurecr.cn", "contoso-dxdnfjfmbwgsgqc4.azurecr.io", "contoso.westeurope.geo.azurecr.io"} {
		if !p.Owns(host) {
			t.Errorf("%q is not owned", host)
		}
	}
}

// One exchange per registry and life of its token, however many ask.
func TestCredentialIsKeptAndRenewed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var p credentials.Provider = s.provider(t)
	exchanges := func() (n int) {
		for _, r := range s.hosts.Requests() {
			if strings.HasSuffix(r, "/oauth2/exchange") {
				n++
			}
		}
		return n
	}
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if got, err := p.Credential(t.Context(), "contoso.azurecr.io"); err != nil || got.RefreshToken == "" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := exchanges(); n != 1 {
		t.Errorf("%d exchanges, want 1", n)
	}
	s.clock.advance(azuretest.RefreshLife + time.Minute)
	s.project(t, s.azure.Assertion(s.azure.Subject, azuretest.AssertionAudience, s.clock.now().Add(time.Hour)))
	if _, err := p.Credential(t.Context(), "contoso.azurecr.io"); err != nil || exchanges() != 2 {
		t.Errorf("after its life: %v, %d exchanges", err, exchanges())
	}
}

func TestErrorNamesTheProvider(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.project(t, s.azure.Assertion(s.azure.Subject, azuretest.AssertionAudience, now))
	_, err := s.provider(t).Credential(t.Context(), "contoso.azurecr.io")
	if err == nil || !strings.HasPrefix(err.Error(), "credential provider azure_acr: get Microsoft Entra token: AADSTS700024 ") {
		t.Errorf("got %v", err)
	}
}

// fault is something that goes wrong and what is said of it.
type fault struct {
	name      string
	fail      func(*testing.T, *scene)
	want      []string // in the message
	retryable bool
}

func faults() []fault {
	reply := func(host string, status int, body string) func(*testing.T, *scene) {
		return func(_ *testing.T, s *scene) {
			s.handlers[host] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://evil.example/take")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			})
		}
	}
	project := func(token func(*scene) string) func(*testing.T, *scene) {
		return func(t *testing.T, s *scene) { t.Helper(); s.project(t, token(s)) }
	}
	const entraHost, registry = "login.microsoftonline.com", "contoso.azurecr.io"
	return []fault{
		{"expired service account token", project(func(s *scene) string {
			return s.azure.Assertion(s.azure.Subject, azuretest.AssertionAudience, now.Add(-time.Second))
		}), []string{"get Microsoft Entra token: AADSTS700024", "expired", "(request id trace-1)"}, false},
		{
			"wrong audience", project(func(s *scene) string {
				return s.azure.Assertion(s.azure.Subject, "sts.amazonaws.com", now.Add(time.Hour))
			}),
			[]string{"AADSTS700212", `"sts.amazonaws.com"`},
			false,
		},
		{"another service account", project(func(s *scene) string {
			return s.azure.Assertion("system:serviceaccount:default:default", azuretest.AssertionAudience, now.Add(time.Hour))
		}), []string{"AADSTS700213", "system:serviceaccount:default:default"}, false},
		{"forged", project(func(s *scene) string {
			return s.azure.Assertion(s.azure.Subject, azuretest.AssertionAudience, now.Add(time.Hour)) + "x"
		}), []string{"AADSTS700027"}, false},
		{"another client", func(_ *testing.T, s *scene) { s.options.Identity.ClientID = "somebody" }, []string{"AADSTS700016", "client_id"}, false},
		{"another tenant", func(_ *testing.T, s *scene) { s.options.Identity.TenantID = "elsewhere.example" }, []string{"AADSTS90002", "tenant_id"}, false},
		{"no token file", func(_ *testing.T, s *scene) { s.options.Identity.TokenFile += "-gone" }, []string{"read service account token", "azure.workload.identity/use"}, true},
		{"empty token file", project(func(*scene) string { return "\n" }), []string{"holds no JSON web token"}, true},
		{"authority of another cloud", func(_ *testing.T, s *scene) { s.options.Identity.Authority = "https://login.chinacloudapi.cn" }, []string{"Azure China", "Azure public cloud"}, false},
		{"authority is down", reply(entraHost, 503, `{}`), []string{"get Microsoft Entra token: 503"}, true},
		{"authority throttles", reply(entraHost, 429, `{"error":"temporarily_unavailable"}`), []string{"temporarily_unavailable"}, true},
		{"authority redirects", reply(entraHost, 307, ``), []string{"307", "evil.example"}, false},
		{"authority answers HTML", reply(entraHost, 200, `<html>`), []string{"not in the form"}, false},
		{"authority answers without a token", reply(entraHost, 200, `{"expires_in":3600}`), []string{"no access_token"}, false},
		{"token without a life", reply(entraHost, 200, `{"access_token":"hunter2"}`), []string{"how long"}, false},
		{"unexpected types", reply(entraHost, 400, `{"error":[1],"error_description":{"a":"hunter2"}}`), []string{"get Microsoft Entra token: 400"}, false},
		{"registry does not know the identity", reply(registry, 401, `{"errors":[{"code":"UNAUTHORIZED","message":"no access, access_token=hunter2"}]}`), []string{"exchange token: UNAUTHORIZED", "AcrPull"}, false},
		{"registry is down", reply(registry, 502, `bad gateway`), []string{"exchange token: 502"}, true},
		{"registry redirects", reply(registry, 302, ``), []string{"302", "evil.example", "not followed"}, false},
		{"registry answers nothing", reply(registry, 200, `{}`), []string{"no refresh_token"}, false},
		{"registry answers without end", reply(registry, 200, strings.Repeat("hunter2", 1<<18)), []string{"more than 1048576 bytes"}, false},
		{"connection breaks", func(_ *testing.T, s *scene) {
			s.handlers[registry] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}, []string{"exchange token: contoso.azurecr.io: EOF"}, true},
	}
}

func TestWhatGoesWrongIsSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range faults() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			tt.fail(t, s)
			got, _, err := s.provider(t).Fetch(t.Context(), "contoso.azurecr.io")
			e, ok := errors.AsType[*credentials.Error](err)
			if !ok || got != auth.EmptyCredential {
				t.Fatalf("got %+v, %v", got, err)
			}
			if missing := slices.DeleteFunc(slices.Clone(tt.want), func(w string) bool { return strings.Contains(err.Error(), w) }); len(missing) > 0 {
				t.Errorf("%v: lacks %q", err, missing)
			}
			if e.Retryable != tt.retryable {
				t.Errorf("%v: retryable %v", err, e.Retryable)
			}
			for _, secret := range []string{"hunter2", "eyJ"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%v: has a secret", err)
				}
			}
			if i := slices.IndexFunc(s.hosts.Requests(), func(r string) bool { return strings.Contains(r, "evil") }); i >= 0 {
				t.Error("the target of the redirect was asked")
			}
		})
	}
}

func TestWaitingEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	asked, end := make(chan struct{}), make(chan struct{})
	defer close(end)
	s.handlers["login.microsoftonline.com"] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(asked); <-end })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, _, err := s.provider(t).Fetch(ctx, "contoso.azurecr.io"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The resource has one name in all clouds, and a token is good in one of them.
func TestTokenOfOneCloudIsNotSentToAnother(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.provider(t)
	for i, host := range []string{"contoso.azurecr.io", "contoso.azurecr.cn", "contoso.azurecr.us", "fabrikam.azurecr.io"} {
		if _, _, err := p.Fetch(t.Context(), host); err != nil || s.azure.Tokens() != min(i+1, 3) {
			t.Errorf("%s: %v, %d tokens", host, err, s.azure.Tokens())
		}
	}
}

// An outage of the registry costs no new token.
func TestTokenOutlivesAnOutageOfTheRegistry(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.handlers["contoso.azurecr.io"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	p := s.provider(t)
	for range 3 {
		if _, _, err := p.Fetch(t.Context(), "contoso.azurecr.io"); err == nil {
			t.Error("no error")
		}
	}
	if s.azure.Tokens() != 1 {
		t.Errorf("%d tokens, want 1", s.azure.Tokens())
	}
}

// A registry that no longer accepts the token is asked with a new one next time. A
// young token is kept: whoever names registries could have one asked for each time.
func TestRefusedTokenIsForgotten(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	good := s.handlers["contoso.azurecr.io"]
	refusals := 2
	s.handlers["contoso.azurecr.io"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusals > 0 {
			refusals--
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		good.ServeHTTP(w, r)
	})
	p := s.provider(t)
	for range refusals {
		if _, _, err := p.Fetch(t.Context(), "contoso.azurecr.io"); err == nil || s.azure.Tokens() != 1 {
			t.Fatalf("%v, %d tokens", err, s.azure.Tokens())
		}
		s.clock.advance(time.Minute)
	}
	if _, _, err := p.Fetch(t.Context(), "contoso.azurecr.io"); err != nil || s.azure.Tokens() != 2 {
		t.Errorf("%v, %d tokens", err, s.azure.Tokens())
	}
}

func TestMissingSettingsAreNamed(t *testing.T) {
	t.Parallel()
	_, err := azureacr.New(azureacr.Options{Identity: entra.Options{Authority: "http://login.microsoftonline.com"}})
	for _, want := range []string{"tenant_id", "AZURE_CLIENT_ID", "token_file", `authority "http://login.microsoftonline.com" is not an https URL`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: lacks %q", err, want)
		}
	}
}
