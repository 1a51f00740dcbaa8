// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		t.Fatal(err)
	}
	desc, err := reg.PushManifest(context.Background(), repo, "", ocispec.MediaTypeImageManifest, manifest, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return desc
}
