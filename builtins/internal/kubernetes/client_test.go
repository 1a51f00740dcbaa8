// SPDX-License-Identifier: Apache-2.0

package kubernetes_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/kubernetes"
	"github.com/opa-ratify/opa-ratify/test/kubetest"
)

func client(ca []byte) (*http.Client, error) {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}, nil
}

func newClient(t *testing.T, a *kubetest.API) *kubernetes.Client {
	t.Helper()
	c, err := kubernetes.New(kubernetes.Options{HTTP: client, Env: a.Env, Dir: a.Dir})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClientReadsObjects(t *testing.T) {
	t.Parallel()
	a := kubetest.Start(t, "team", "ratify")
	a.Secret("team", "pull", "Opaque", map[string]string{"k": "v"})
	a.ConfigMap("other", "keys", map[string]string{"a.pub": "A"})
	a.ServiceAccount("team", "ratify", "pull", "more")
	c := newClient(t, a)

	secret, err := c.Secret(t.Context(), "team", "pull")
	if diff := cmp.Diff(kubernetes.Secret{Type: "Opaque", Data: map[string][]byte{"k": []byte("v")}}, secret); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	data, err := c.ConfigMap(t.Context(), "other", "keys")
	if diff := cmp.Diff(map[string][]byte{"a.pub": []byte("A")}, data); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	account, err := c.Account()
	if account != "ratify" || err != nil || c.Namespace != "team" {
		t.Errorf("account %q in %q, %v", account, c.Namespace, err)
	}
	names, err := c.PullSecrets(t.Context(), "team", account)
	if diff := cmp.Diff([]string{"pull", "more"}, names); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestErrorsOfTheAPI(t *testing.T) {
	t.Parallel()
	a := kubetest.Start(t, "team", "ratify")
	c := newClient(t, a)
	for _, tt := range []struct {
		status              int
		want                string
		retryable, notFound bool
	}{
		{0, "get secrets team/pull: NotFound /api/v1/namespaces/team/secrets/pull not found", false, true},
		{http.StatusForbidden, `get secrets team/pull: Forbidden cannot get resource in API group ""`, false, false},
		{http.StatusServiceUnavailable, "get secrets team/pull: 503", true, false},
		{http.StatusTooManyRequests, "get secrets team/pull: 429", true, false},
	} {
		a.Refuse("", tt.status)
		_, err := c.Secret(t.Context(), "team", "pull")
		e, ok := errors.AsType[*kubernetes.Error](err)
		if !ok || e.Error() != tt.want || e.Retryable != tt.retryable || errors.Is(err, kubernetes.ErrNotFound) != tt.notFound {
			t.Errorf("%d: %v (%+v)", tt.status, err, e)
		}
	}
	a.Refuse("", 0)
	token := filepath.Join(a.Dir, "token")
	if err := os.WriteFile(token, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Secret(t.Context(), "team", "pull"); err == nil || !strings.Contains(err.Error(), "Unauthorized") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("with another token: %v", err)
	}
	if _, err := c.Account(); err == nil || !strings.Contains(err.Error(), "the token is not a service account's") {
		t.Errorf("account: %v", err)
	}
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Secret(t.Context(), "team", "pull"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without a token: %v", err)
	}
}

func TestNewOutsideAPod(t *testing.T) {
	t.Parallel()
	a := kubetest.Start(t, "team", "ratify")
	for _, tt := range []struct {
		o    kubernetes.Options
		want string
	}{
		{kubernetes.Options{Env: func(string) string { return "" }, Dir: a.Dir}, "not in a Kubernetes pod"},
		{kubernetes.Options{Env: a.Env, Dir: t.TempDir()}, "no service account mounted: read "},
	} {
		if _, err := kubernetes.New(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
