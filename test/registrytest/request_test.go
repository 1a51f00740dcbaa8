// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// arrived is what tests look at most in a request.
type arrived struct {
	Server    registrytest.Server
	Kind      registrytest.Kind
	Method    string
	Repo      string
	Reference string
	Scheme    string // of Authorization
	Status    int
}

func TestRequestsOfAPull(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{
		Token:         &registrytest.Token{Username: "u", Password: "p"},
		RedirectBlobs: true,
	})
	image := pushImage(t, reg, "team/app", "v1")
	repo := client(t, reg, "team/app")
	repo.Client = authClient(reg, "p")
	config := configOf(t, reg, "team/app", image)
	if got := len(reg.Requests()); got != 0 {
		t.Fatalf("requests after pushing into the store: got %d, want 0", got)
	}

	if _, err := repo.Resolve(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	if _, err := content.FetchAll(t.Context(), repo, config); err != nil {
		t.Fatal(err)
	}

	want := []arrived{
		{"registry", "manifest", "HEAD", "team/app", "v1", "", 401},
		{"token", "token", "GET", "", "", "Basic", 200},
		{"registry", "manifest", "HEAD", "team/app", "v1", "Bearer", 200},
		{"registry", "blob", "GET", "team/app", config.Digest.String(), "Bearer", 307},
		{"blobs", "blob", "GET", "team/app", config.Digest.String(), "", 200},
	}
	var got []arrived
	for _, r := range reg.Requests() {
		got = append(got, arrived{r.Server, r.Kind, r.Method, r.Repo, r.Reference, r.Header.Get("Authorization"), r.Status})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	reg.ResetRequests()
	if got := len(reg.Requests()); got != 0 {
		t.Errorf("requests after reset: got %d, want 0", got)
	}
}

func TestBlobServerRefusesCredentials(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{RedirectBlobs: true})
	config := configOf(t, reg, "app", pushImage(t, reg, "app", "v1"))
	location := do(t, "", reg.URL()+"/v2/app/blobs/"+config.Digest.String(), nil).Header.Get("Location")
	if !strings.Contains(location, reg.PreSigned()) || strings.HasPrefix(location, reg.URL()) {
		t.Fatalf("Location %q: want a pre-signed URL of another server", location)
	}
	for name, tt := range map[string]struct {
		url    string
		header http.Header
		want   int
	}{
		"pre-signed":       {location, nil, 200},
		"with credentials": {location, http.Header{"Authorization": {"Bearer secret"}}, 400},
		"not pre-signed":   {strings.Split(location, "?")[0], nil, 403},
	} {
		if got := do(t, "", tt.url, tt.header).Status; got != tt.want {
			t.Errorf("%s: status %d, want %d", name, got, tt.want)
		}
	}
	last := reg.Requests()[len(reg.Requests())-1]
	if last.Server != registrytest.ServerBlobs {
		t.Errorf("server of the last request: got %s, want blobs", last.Server)
	}
	missing := reg.URL() + "/v2/app/blobs/" + pushImage(t, reg, "other", "v1").Digest.String()
	if got := do(t, "", missing, nil).Status; got != 404 {
		t.Errorf("missing blob: status %d, want 404", got)
	}
}

func TestCredentialsAreNotKept(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	do(t, "", reg.URL()+"/v2/", http.Header{"Authorization": {"Bearer secret"}, "Proxy-Authorization": {"Basic secret"}})
	for name, want := range map[string]string{"Authorization": "Bearer", "Proxy-Authorization": "Basic"} {
		if got := reg.Requests()[0].Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	for path, want := range map[string]arrived{
		"/v2":                          {Kind: "ping"},
		"/v2/":                         {Kind: "ping"},
		"/v2/a/b/manifests/v1":         {Kind: "manifest", Repo: "a/b", Reference: "v1"},
		"/v2/a/blobs/sha256:0":         {Kind: "blob", Repo: "a", Reference: "sha256:0"},
		"/v2/a/blobs/uploads/":         {Kind: "upload", Repo: "a"},
		"/v2/a/b/blobs/uploads/xyz":    {Kind: "upload", Repo: "a/b"},
		"/v2/a/referrers/sha256:0":     {Kind: "referrers", Repo: "a", Reference: "sha256:0"},
		"/v2/a/tags/list":              {Kind: "tags", Repo: "a"},
		"/v2/manifests/manifests/tags": {Kind: "manifest", Repo: "manifests", Reference: "tags"},
		"/v2/_catalog":                 {Kind: "other"},
		"/":                            {Kind: "other"},
	} {
		reg.ResetRequests()
		do(t, "", reg.URL()+path, nil)
		r := reg.Requests()[0]
		if diff := cmp.Diff(want, arrived{Kind: r.Kind, Repo: r.Repo, Reference: r.Reference}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	const latency = 30 * time.Millisecond
	reg := registrytest.Start(t, registrytest.Options{Latency: latency})
	start := time.Now()
	do(t, "", reg.URL()+"/v2/", nil)
	if got := time.Since(start); got < latency {
		t.Errorf("answered after %s, want at least %s", got, latency)
	}
}

// configOf is the descriptor of an image's config.
func configOf(t *testing.T, reg *registrytest.Registry, repo string, image ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	_, manifest, err := reg.Manifest(t.Context(), repo, image.Digest)
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		t.Fatal(err)
	}
	return m.Config
}
