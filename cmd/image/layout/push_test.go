// SPDX-License-Identifier: Apache-2.0

package layout_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	image "github.com/opa-ratify/opa-ratify/cmd/image/layout"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// TestPush pushes to registries of two implementations, with and without the Referrers
// API, and pulls with another client.
func TestPush(t *testing.T) {
	t.Parallel()
	other := func(o ...registry.Option) string {
		server := httptest.NewServer(registry.New(append(o, registry.Logger(log.New(io.Discard, "", 0)))...))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	directory, index := built(t)
	for name, host := range map[string]string{
		"referrers API":            registrytest.Start(t, registrytest.Options{}).Host(),
		"tag schema":               registrytest.Start(t, registrytest.Options{NoReferrersAPI: true}).Host(),
		"referrers API, another's": other(registry.WithReferrersSupport(true)),
		"tag schema, another's":    other(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pushed, err := image.Push(t.Context(), directory, host+"/tools/opa-ratify:v1")
			if err != nil {
				t.Fatal(err)
			}
			if len(pushed) != 6 || pushed[0] != host+"/tools/opa-ratify@"+index.Digest.String() {
				t.Errorf("pushed %q, want the index first, two platforms and three bills", pushed)
			}
			complete(t, host+"/tools/opa-ratify:v1", pushed)
			again, err := image.Push(t.Context(), directory, host+"/tools/opa-ratify:v1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(pushed, again); diff != "" {
				t.Errorf("pushed again (-first +second):\n%s", diff)
			}
		})
	}
}

// complete pulls all of an index and looks for the bill of materials of each manifest,
// which is its only referrer.
func complete(t *testing.T, reference string, pushed []string) {
	t.Helper()
	tag, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	_, digest, _ := strings.Cut(pushed[0], "@")
	subjects := []string{digest}
	for _, child := range manifest.Manifests {
		subjects = append(subjects, child.Digest.String())
	}
	for _, subject := range subjects {
		got := bills(t, tag.Context().Digest(subject))
		if len(got) != 1 || !slices.Contains(pushed, got[0]) {
			t.Errorf("bills of %s: %q, want one that was pushed", subject, got)
		}
	}
}

func bills(t *testing.T, subject name.Digest) []string {
	t.Helper()
	referrers, err := remote.Referrers(subject)
	if err != nil {
		t.Fatal(err)
	}
	list, err := referrers.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var references []string
	for _, m := range list.Manifests {
		references = append(references, subject.Context().Digest(m.Digest.String()).String())
	}
	return references
}

// TestPushTagsLast has the registry refuse a bill of materials: who asks for the tag
// must not find an image without it.
func TestPushTagsLast(t *testing.T) {
	t.Parallel()
	directory, _ := built(t)
	r := registrytest.Start(t, registrytest.Options{})
	root, err := layout.ImageIndexFromPath(directory)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := root.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	bill := manifest.Manifests[len(manifest.Manifests)-1].Digest.String()
	r.Inject(registrytest.Fault{Kind: registrytest.KindManifest, Reference: bill, Action: registrytest.Status(http.StatusForbidden, nil)})
	_, err = image.Push(t.Context(), directory, r.Host()+"/opa-ratify:v1")
	var response *errcode.ErrorResponse
	if !errors.As(err, &response) || response.StatusCode != http.StatusForbidden {
		t.Fatalf("error %v, want the registry's 403", err)
	}
	tag, err := name.ParseReference(r.Host() + "/opa-ratify:v1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Get(tag); err == nil {
		t.Errorf("%s is there", tag)
	}
}

// TestPushUsesDockersCredentials must change the environment, so it is not parallel.
func TestPushUsesDockersCredentials(t *testing.T) {
	directory, _ := built(t)
	r := registrytest.Start(t, registrytest.Options{Basic: &registrytest.Basic{Username: "user", Password: "secret-word"}})
	home := t.TempDir()
	t.Setenv("DOCKER_CONFIG", home)
	_, err := image.Push(t.Context(), directory, r.Host()+"/opa-ratify:v1")
	if !errors.Is(err, auth.ErrBasicCredentialNotFound) {
		t.Errorf("without credentials: error %v, want %v", err, auth.ErrBasicCredentialNotFound)
	}
	auths := `{"auths": {"` + r.Host() + `": {"auth": "dXNlcjpzZWNyZXQtd29yZA=="}}}`
	if err := os.WriteFile(filepath.Join(home, "config.json"), []byte(auths), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := image.Push(t.Context(), directory, r.Host()+"/opa-ratify:v1"); err != nil {
		t.Error(err)
	}
}

func TestPushRefuses(t *testing.T) {
	t.Parallel()
	directory, index := built(t)
	tests := []struct{ name, from, to, want string }{
		{"a digest", directory, "registry.example/app@" + index.Digest.String(), "expected registry/repository:tag"},
		{"no tag", directory, "registry.example/app", "expected registry/repository:tag"},
		{"no registry", directory, "app:v1", "reference \"app:v1\""},
		{"no layout", t.TempDir(), "registry.example/app:v1", "0 tags, want one; build it with `make image`"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := image.Push(t.Context(), tt.from, tt.to); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
