// SPDX-License-Identifier: Apache-2.0

package kubernetessecrets_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/kubernetes"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/kubernetessecrets"
	"github.com/opa-ratify/opa-ratify/test/kubetest"
)

const (
	json1 = "kubernetes.io/dockerconfigjson"
	cfg1  = "kubernetes.io/dockercfg"
)

// auths is the content of a pull Secret: user names by key.
func auths(t *testing.T, users map[string]string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for key, user := range users {
		all[key] = map[string]string{"username": user, "password": "hunter2"}
	}
	return all
}

func text(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func pullSecret(t *testing.T, users map[string]string) map[string]string {
	t.Helper()
	return map[string]string{".dockerconfigjson": text(t, map[string]any{"auths": auths(t, users)})}
}

func provider(t *testing.T, a *kubetest.API, o kubernetessecrets.Options) *kubernetessecrets.Provider {
	t.Helper()
	client, err := kubernetes.New(kubernetes.Options{Env: a.Env, Dir: a.Dir, HTTP: func(ca []byte) (*http.Client, error) {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(ca)
		return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	o.Reader, o.Namespace = client, "team"
	return kubernetessecrets.New(o)
}

// user is who the credential for an image is of, "" for nobody, or the error.
func user(t *testing.T, p *kubernetessecrets.Provider, host, repository string) string {
	t.Helper()
	c, err := p.Credential(credentials.WithRepository(t.Context(), repository), host)
	switch {
	case errors.Is(err, credentials.ErrNotOwned):
		return ""
	case err != nil:
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error has the secret: %v", err)
		}
		return err.Error()
	}
	return c.Username
}

// The rules are the kubelet's: globs of hosts, paths that are prefixes, the most
// specific first.
func TestKeyring(t *testing.T) {
	t.Parallel()
	a := kubetest.Start(t, "team", "ratify")
	a.ServiceAccount("team", "ratify", "first", "second", "gone", "old")
	a.Secret("team", "first", json1, pullSecret(t, map[string]string{
		"registry.example": "first", "https://registry.example/v2/team": "ours", "*.corp.example": "corp",
		"special.corp.example": "special", "*.deep.corp.example:5000": "port", "https://index.docker.io/v1/": "hub",
	}))
	a.Secret("team", "second", json1, pullSecret(t, map[string]string{"registry.example": "second", "second.example": "second"}))
	a.Secret("team", "old", cfg1, map[string]string{".dockercfg": text(t, auths(t, map[string]string{"old.example": "old"}))})
	a.Secret("shared", "named", json1, pullSecret(t, map[string]string{"named.example": "named", "second.example": "named"}))
	p := provider(t, a, kubernetessecrets.Options{Secrets: []kubernetessecrets.Secret{{Namespace: "shared", Name: "named"}}})
	for _, tt := range []struct{ host, repository, want string }{
		{"registry.example", "app", "first"},
		{"registry.example", "v2/team/app", "ours"},
		{"registry.example", "v2/teammate/app", "first"},
		{"a.corp.example", "app", "corp"},
		{"special.corp.example", "app", "special"},
		{"a.b.corp.example", "app", ""},
		{"a.corp.example:5000", "app", ""},
		{"a.deep.corp.example:5000", "app", "port"},
		{"a.corp.example.evil.example", "app", ""},
		{"docker.io", "library/app", "hub"},
		{"old.example", "app", "old"},
		{"named.example", "app", "named"},
		{"second.example", "app", "named"},
		{"stranger.example", "app", ""},
	} {
		if got := user(t, p, tt.host, tt.repository); got != tt.want {
			t.Errorf("%s/%s: %q, want %q", tt.host, tt.repository, got, tt.want)
		}
		if p.Owns(tt.host) != (tt.want != "") {
			t.Errorf("owns %s: %t", tt.host, p.Owns(tt.host))
		}
	}
}

func TestSecretsAreReadAgain(t *testing.T) {
	t.Parallel()
	a := kubetest.Start(t, "team", "ratify")
	a.ServiceAccount("team", "ratify", "pull")
	a.Secret("team", "pull", json1, pullSecret(t, map[string]string{"a.example": "one"}))
	now := time.Unix(1_700_000_000, 0)
	p := provider(t, a, kubernetessecrets.Options{Now: func() time.Time { return now }})
	step := func(d time.Duration, want string, asked int) {
		t.Helper()
		now = now.Add(d)
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				if got := user(t, p, "a.example", "app"); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			})
		}
		callers.Wait()
		if n := a.Asked(); n > asked {
			t.Errorf("%d requests, want at most %d", n, asked)
		}
	}
	step(0, "one", 2)
	a.Secret("team", "pull", json1, pullSecret(t, map[string]string{"a.example": "two"}))
	step(30*time.Second, "one", 2)
	step(31*time.Second, "two", 4)
	a.Refuse("", http.StatusServiceUnavailable)
	step(time.Minute+time.Second, "two", 5) // the last that could be read
	step(time.Second, "two", 5)             // paused
	a.Refuse("", 0)
	a.Secret("team", "pull", "", nil)
	step(time.Minute, "", 7)
}

func TestFailuresAreErrors(t *testing.T) {
	t.Parallel()
	a := kubetest.Start(t, "team", "ratify")
	a.ServiceAccount("team", "ratify", "bad", "good")
	a.Secret("team", "bad", "Opaque", map[string]string{"x": "hunter2"})
	a.Secret("team", "good", json1, map[string]string{".dockerconfigjson": `{"auths": {"good.example": {"auth": "aHVudGVyMjp4"}, "odd.example": {"auth": "hunter2"}}}`})
	p := provider(t, a, kubernetessecrets.Options{})
	const prefix = "credential provider kubernetes_secrets: "
	for host, want := range map[string]string{
		"good.example":  "hunter2", // the user's name
		"odd.example":   prefix + `read Secret team/good: the entry for "odd.example" cannot be read; expected "auth" to be the base64 of user:password`,
		"other.example": prefix + `read Secret team/bad: it is of type "Opaque"; a pull Secret is of type kubernetes.io/dockerconfigjson`,
	} {
		c, err := p.Credential(t.Context(), host)
		got := c.Username
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
	a.Refuse("", http.StatusForbidden)
	p = provider(t, a, kubernetessecrets.Options{ServiceAccount: "default"})
	if got := user(t, p, "good.example", "app"); !strings.HasPrefix(got, prefix+"get serviceaccounts team/default: Forbidden") || !p.Owns("good.example") {
		t.Errorf("got %q", got)
	}
}
