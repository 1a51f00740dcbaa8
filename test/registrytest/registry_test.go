// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

const testArtifactType = "application/vnd.example.test"

func TestPullWhatWasPushed(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	image := pushImage(t, reg, "app", "v1")
	repo := client(t, reg, "app")

	desc, err := repo.Resolve(t.Context(), "v1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(image, desc); diff != "" {
		t.Errorf("resolved descriptor (-want +got):\n%s", diff)
	}
	manifest, err := content.FetchAll(t.Context(), repo, desc)
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		t.Fatal(err)
	}
	for _, blob := range append(m.Layers, m.Config) {
		if _, err := content.FetchAll(t.Context(), repo, blob); err != nil {
			t.Errorf("fetch %s: %v", blob.MediaType, err)
		}
	}
}

func TestPushByAClient(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	blob := []byte("layer")
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromBytes(blob), Size: int64(len(blob))}
	if err := client(t, reg, "app").Push(t.Context(), desc, bytes.NewReader(blob)); err != nil {
		t.Fatal(err)
	}
	got, err := content.FetchAll(t.Context(), client(t, reg, "app"), desc)
	if err != nil || !bytes.Equal(got, blob) {
		t.Errorf("fetched %q, %v, want %q", got, err, blob)
	}
}

func TestImagesAreDistinctAndReproducible(t *testing.T) {
	t.Parallel()
	reg, again := registrytest.Start(t, registrytest.Options{}), registrytest.Start(t, registrytest.Options{})
	image := pushImage(t, reg, "app", "v1")
	if same := pushImage(t, again, "app", "v1"); same.Digest != image.Digest {
		t.Errorf("same image in another registry: got %s, want %s", same.Digest, image.Digest)
	}
	if other := pushImage(t, reg, "app", "v2"); other.Digest == image.Digest {
		t.Error("another tag has the same digest")
	}
}

func TestPushIndex(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	desc, children, err := reg.PushIndex(t.Context(), "app", "v1", "linux/amd64", "linux/arm/v7")
	if err != nil {
		t.Fatal(err)
	}
	fetched, err := content.FetchAll(t.Context(), client(t, reg, "app"), desc)
	if err != nil {
		t.Fatal(err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(fetched, &index); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(children, index.Manifests); diff != "" {
		t.Errorf("children (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&ocispec.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, children[1].Platform); diff != "" {
		t.Errorf("platform (-want +got):\n%s", diff)
	}
	for _, child := range children {
		if _, err := content.FetchAll(t.Context(), client(t, reg, "app"), child); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := reg.PushIndex(t.Context(), "app", "v2", "linux"); err == nil {
		t.Error("platform without architecture was accepted")
	}
}

func TestPushAnything(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	for _, manifest := range []string{"no JSON", "[]", `{"layers":1}`, ""} {
		desc, err := reg.PushManifest(t.Context(), "app", "v1", ocispec.MediaTypeImageManifest, []byte(manifest))
		if err != nil {
			t.Fatal(err)
		}
		for _, reference := range []string{"v1", desc.Digest.String()} {
			resp := do(t, "", reg.URL()+"/v2/app/manifests/"+reference, nil)
			if got := string(resp.Body); got != manifest {
				t.Errorf("manifest %q: got %q", manifest, got)
			}
			if got := resp.Header.Get("Content-Type"); got != ocispec.MediaTypeImageManifest {
				t.Errorf("manifest %q: Content-Type: got %q, want %q", manifest, got, ocispec.MediaTypeImageManifest)
			}
		}
	}
}

func TestTagMoves(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	old, latest := pushImage(t, reg, "app", "v1"), pushImage(t, reg, "app", "v2")
	for _, want := range []ocispec.Descriptor{latest, old} {
		if err := reg.Tag(t.Context(), "app", "v1", want.Digest); err != nil {
			t.Fatal(err)
		}
		got, err := client(t, reg, "app").Resolve(t.Context(), "v1")
		if err != nil || got.Digest != want.Digest {
			t.Errorf("resolved %s, %v, want %s", got.Digest, err, want.Digest)
		}
	}
	if err := reg.Tag(t.Context(), "app", "v1", digest.FromString("unknown")); err == nil {
		t.Error("tagged a manifest that does not exist")
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	image := pushImage(t, reg, "app", "v1")
	if err := reg.Delete(t.Context(), "app", image.Digest); err != nil {
		t.Fatal(err)
	}
	for _, reference := range []string{"v1", image.Digest.String()} {
		if got := do(t, "", reg.URL()+"/v2/app/manifests/"+reference, nil).Status; got != 404 {
			t.Errorf("%s: status %d, want 404", reference, got)
		}
	}
}

func TestOptionsExclude(t *testing.T) {
	t.Parallel()
	_, err := registrytest.New(registrytest.Options{Basic: &registrytest.Basic{}, Token: &registrytest.Token{}})
	if err == nil {
		t.Error("both kinds of authentication were accepted")
	}
}

func client(t *testing.T, reg *registrytest.Registry, name string) *remote.Repository {
	t.Helper()
	repo, err := remote.NewRepository(reg.Host() + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	return repo
}

func pushImage(t *testing.T, reg *registrytest.Registry, repo, tag string) ocispec.Descriptor {
	t.Helper()
	desc, err := reg.PushImage(context.Background(), repo, tag)
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

// pushReferrer attaches an artifact to subject.
func pushReferrer(t *testing.T, reg *registrytest.Registry, repo string, subject ocispec.Descriptor, artifactType, note string) ocispec.Descriptor {
	t.Helper()
	desc, err := tryReferrer(reg, repo, subject, artifactType, note)
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

// tryReferrer is pushReferrer for goroutines that may not end a test.
func tryReferrer(reg *registrytest.Registry, repo string, subject ocispec.Descriptor, artifactType, note string) (ocispec.Descriptor, error) {
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: artifactType,
		Config:       ocispec.DescriptorEmptyJSON,
		Layers:       []ocispec.Descriptor{ocispec.DescriptorEmptyJSON},
		Subject:      &subject,
		Annotations:  map[string]string{"note": note},
	})
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return reg.PushManifest(context.Background(), repo, "", ocispec.MediaTypeImageManifest, manifest, []byte("{}"))
}
