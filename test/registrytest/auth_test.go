// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestBasic(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{Basic: &registrytest.Basic{Username: "u", Password: "p"}})
	pushImage(t, reg, "app", "v1")
	for password, wantErr := range map[string]bool{"p": false, "wrong": true, "": true} {
		repo := client(t, reg, "app")
		repo.Client = authClient(reg, password)
		if _, err := repo.Resolve(t.Context(), "v1"); (err != nil) != wantErr {
			t.Errorf("password %q: got error %v, want one: %t", password, err, wantErr)
		}
	}
}

func TestTokenOfTheSameHost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		token    registrytest.Token
		password string
		wantErr  bool
	}{
		{name: "anonymous"},
		{name: "right password", token: registrytest.Token{Username: "u", Password: "p"}, password: "p"},
		{name: "wrong password", token: registrytest.Token{Username: "u", Password: "p"}, password: "x", wantErr: true},
		{name: "no password", token: registrytest.Token{Username: "u", Password: "p"}, wantErr: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reg := registrytest.Start(t, registrytest.Options{Token: &tt.token})
			pushImage(t, reg, "app", "v1")
			repo := client(t, reg, "app")
			repo.Client = authClient(reg, tt.password)
			for range 2 {
				if _, err := repo.Resolve(t.Context(), "v1"); (err != nil) != tt.wantErr {
					t.Errorf("got error %v, want one: %t", err, tt.wantErr)
				}
			}
			if got := reg.Count(registrytest.KindToken); !tt.wantErr && got != 1 {
				t.Errorf("token requests: got %d, want 1", got)
			}
		})
	}
}

func TestOAuth2Token(t *testing.T) {
	t.Parallel()
	for password, wantErr := range map[string]bool{"p": false, "wrong": true} {
		reg := registrytest.Start(t, registrytest.Options{Token: &registrytest.Token{Username: "u", Password: "p"}})
		pushImage(t, reg, "app", "v1")
		repo := client(t, reg, "app")
		oauth2 := authClient(reg, password)
		oauth2.ForceAttemptOAuth2 = true
		repo.Client = oauth2
		if _, err := repo.Resolve(t.Context(), "v1"); (err != nil) != wantErr {
			t.Errorf("password %q: got error %v, want one: %t", password, err, wantErr)
		}
	}
}

func TestTokenOfAnotherHost(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{Token: &registrytest.Token{SeparateHost: true}})
	image := pushImage(t, reg, "app", "v1")
	if strings.HasPrefix(reg.TokenURL(), reg.URL()) {
		t.Fatalf("token server %s is on the host of the registry %s", reg.TokenURL(), reg.URL())
	}
	pull := bearer(t, reg, "repository:app:pull")
	other := bearer(t, reg, "repository:other:pull")
	manifest := reg.URL() + "/v2/app/manifests/" + image.Digest.String()
	tests := []struct {
		name          string
		url           string
		authorization string
		method        string
		want          int
		wantChallenge string
	}{
		{name: "no token", url: manifest, want: 401, wantChallenge: `Bearer realm="` + reg.TokenURL() + `",service="registrytest",scope="repository:app:pull"`},
		{name: "ping without token", url: reg.URL() + "/v2/", want: 401, wantChallenge: `Bearer realm="` + reg.TokenURL() + `",service="registrytest"`},
		{name: "ping", url: reg.URL() + "/v2/", authorization: pull, want: 200},
		{name: "token of the scope", url: manifest, authorization: pull, want: 200},
		{name: "token of another repository", url: manifest, authorization: other, want: 401, wantChallenge: `Bearer realm="` + reg.TokenURL() + `",service="registrytest",scope="repository:app:pull",error="insufficient_scope"`},
		{name: "pull token for a push", url: manifest, authorization: pull, method: http.MethodPut, want: 401, wantChallenge: `Bearer realm="` + reg.TokenURL() + `",service="registrytest",scope="repository:app:pull,push",error="insufficient_scope"`},
		{name: "invented token", url: manifest, authorization: "Bearer x", want: 401, wantChallenge: `Bearer realm="` + reg.TokenURL() + `",service="registrytest",scope="repository:app:pull",error="invalid_token"`},
	}
	for _, tt := range tests {
		resp := do(t, tt.method, tt.url, http.Header{"Authorization": {tt.authorization}})
		if resp.Status != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, resp.Status, tt.want)
		}
		if diff := cmp.Diff(tt.wantChallenge, resp.Header.Get("WWW-Authenticate")); diff != "" {
			t.Errorf("%s: challenge (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestTokenServerRefusesMalformedRequests(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{Token: &registrytest.Token{}})
	for _, query := range []string{"", "?service=other", "?service=%zz"} {
		if got := do(t, "", reg.TokenURL()+query, nil).Status; got != 400 {
			t.Errorf("query %q: status %d, want 400", query, got)
		}
	}
	malformed := http.Header{"Authorization": {bearer(t, reg, "nonsense")}}
	if got := do(t, "", reg.URL()+"/v2/app/manifests/v1", malformed).Status; got != 401 {
		t.Errorf("token of a malformed scope: status %d, want 401", got)
	}
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	reg := registrytest.Start(t, registrytest.Options{Token: &registrytest.Token{Lifetime: time.Minute}, Now: clock.Now})
	image := pushImage(t, reg, "app", "v1")
	header := http.Header{"Authorization": {bearer(t, reg, "repository:app:pull")}}
	manifest := reg.URL() + "/v2/app/manifests/" + image.Digest.String()
	for _, want := range []int{200, 401} {
		if got := do(t, "", manifest, header).Status; got != want {
			t.Errorf("status at %s: got %d, want %d", clock.Now(), got, want)
		}
		clock.advance(time.Minute)
	}
}

func TestDenied(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{Denied: []string{"secret"}})
	for repo, want := range map[string]int{"secret": 403, "app": 200} {
		pushImage(t, reg, repo, "v1")
		if got := do(t, "", reg.URL()+"/v2/"+repo+"/manifests/v1", nil).Status; got != want {
			t.Errorf("%s: status %d, want %d", repo, got, want)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{TLS: true, RedirectBlobs: true, Token: &registrytest.Token{}})
	image := pushImage(t, reg, "app", "v1")
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(reg.CA()) {
		t.Fatal("no certificate in CA()")
	}
	repo := client(t, reg, "app")
	repo.PlainHTTP = false
	repo.Client = &auth.Client{Client: &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
	}}, Cache: auth.NewCache()}
	if _, err := repo.Resolve(t.Context(), image.Digest.String()); err != nil {
		t.Error(err)
	}
	if _, err := content.FetchAll(t.Context(), repo, configOf(t, reg, "app", image)); err != nil {
		t.Error(err)
	}
	repo.Client = &auth.Client{}
	if _, err := repo.Resolve(t.Context(), image.Digest.String()); err == nil {
		t.Error("a client that does not trust the CA was served")
	}
}

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// authClient is a client with the password of the account "u".
func authClient(reg *registrytest.Registry, password string) *auth.Client {
	return &auth.Client{
		Cache:      auth.NewCache(),
		Credential: auth.StaticCredential(reg.Host(), auth.Credential{Username: "u", Password: password}),
	}
}
