// SPDX-License-Identifier: Apache-2.0

package gcpartifactregistry_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/google"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/gcpartifactregistry"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/googletest"
)

func newProvider(t *testing.T, handler http.Handler) credentials.Provider {
	t.Helper()
	machine := httptest.NewServer(handler)
	t.Cleanup(machine.Close)
	p, err := gcpartifactregistry.New(gcpartifactregistry.Options{Identity: google.Options{Env: func(k string) string {
		return map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(machine.URL, "http://")}[k]
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOneTokenServesEveryRegistryOfGoogle(t *testing.T) {
	t.Parallel()
	project := googletest.New(time.Now)
	p := newProvider(t, project.Machine())
	var all sync.WaitGroup
	for _, host := range []string{"europe-west1-docker.pkg.dev", "us-docker.pkg.dev", "northamerica-northeast2-docker.pkg.dev", "gcr.io", "eu.gcr.io"} {
		for range 40 {
			all.Go(func() {
				got, err := p.Credential(t.Context(), host)
				if err != nil || !p.Owns(host) || got.Username != "oauth2accesstoken" || !strings.HasPrefix(got.Password, "ya29.") {
					t.Errorf("%s: %v", host, err)
				}
			})
		}
	}
	all.Wait()
	if project.Tokens() != 1 {
		t.Errorf("%d tokens, want 1", project.Tokens())
	}
}

func TestLookAlikesGetNothing(t *testing.T) {
	t.Parallel()
	project := googletest.New(time.Now)
	p := newProvider(t, project.Machine())
	for _, host := range []string{
		"us-docker.pkg.dev.evil.io", "gcr.io.evil.io", "evilgcr.io", "x.gcr.io", "pkg.dev", "docker.pkg.dev", "-docker.pkg.dev", "us-docker.pkg.dev:5000", "us-docker.pkg.dev.",
		"evil.us-docker.pkg.dev", "us-docker-pkg.dev", "us-npm.pkg.dev", "us-docker.pkg.dev@evil.io", "a-b-c-docker.pkg.dev", "",
	} {
		if got, err := p.Credential(t.Context(), host); p.Owns(host) || err == nil || got != auth.EmptyCredential {
			t.Errorf("%q: %v", host, err)
		}
	}
	if project.Tokens() != 0 {
		t.Errorf("%d tokens", project.Tokens())
	}
}

func TestWhatGoesWrongIsSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status    int
		body      string
		want      string
		retryable bool
	}{
		{404, "not found", "credential provider gcp_artifact_registry: get token of metadata server: 404 has the pod's service account an identity", false},
		{503, "hunter2", "503", true},
		{302, "", "redirects to evil.example, which is not followed", false},
		{200, "hunter2", "not in the form", false},
		{200, `{"access_token":"hunter2"}`, "no access_token that is still good", false},
	} {
		p := newProvider(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://evil.example/")
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}))
		got, err := p.Credential(t.Context(), "gcr.io")
		e, ok := errors.AsType[*credentials.Error](err)
		if !ok || got != auth.EmptyCredential || !strings.Contains(err.Error(), tt.want) || e.Retryable != tt.retryable || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%d %s: %v", tt.status, tt.body, err)
		}
	}
}
