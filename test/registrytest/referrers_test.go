// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestReferrers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		options  registrytest.Options
		requests int // of the Referrers API for all types
	}{
		{name: "API", requests: 1},
		{name: "API with pages", options: registrytest.Options{PageSize: 2}, requests: 3},
		{name: "tag schema", options: registrytest.Options{NoReferrersAPI: true}, requests: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reg := registrytest.Start(t, tt.options)
			image := pushImage(t, reg, "app", "v1")
			wanted := pushReferrers(t, reg, image, testArtifactType, 4)
			others := pushReferrers(t, reg, image, "application/vnd.example.other", 1)

			if diff := cmp.Diff(sorted(slices.Concat(wanted, others)), referrers(t, reg, image, "")); diff != "" {
				t.Errorf("all referrers (-want +got):\n%s", diff)
			}
			if got := reg.Count(registrytest.KindReferrers); got != tt.requests {
				t.Errorf("requests of the Referrers API: got %d, want %d", got, tt.requests)
			}
			if diff := cmp.Diff(sorted(wanted), referrers(t, reg, image, testArtifactType)); diff != "" {
				t.Errorf("referrers of one type (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilterIsAnnounced(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 10} {
		reg := registrytest.Start(t, registrytest.Options{PageSize: size})
		image := pushImage(t, reg, "app", "v1")
		pushReferrers(t, reg, image, testArtifactType, 1)
		index, header := list(t, reg, image, testArtifactType)
		if len(index.Manifests) != 1 || index.Manifests[0].ArtifactType != testArtifactType {
			t.Errorf("page size %d: descriptors: got %v, want one of type %s", size, index.Manifests, testArtifactType)
		}
		if got := header.Get("OCI-Filters-Applied"); got != "artifactType" {
			t.Errorf("page size %d: OCI-Filters-Applied: got %q, want artifactType", size, got)
		}
		if got := header.Get("Link"); got != "" {
			t.Errorf("page size %d: Link: got %q, want none", size, got)
		}
	}
}

func TestTagSchemaOfAClient(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{NoReferrersAPI: true})
	image := pushImage(t, reg, "app", "v1")
	ours := pushReferrers(t, reg, image, testArtifactType, 1)
	_, manifest, err := reg.Manifest(t.Context(), "app", ours[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	// The same manifest with another note, pushed by a client.
	changed := []byte(strings.Replace(string(manifest), `"note":"0"`, `"note":"client"`, 1))
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(changed), Size: int64(len(changed))}
	if err := client(t, reg, "app").Push(t.Context(), desc, strings.NewReader(string(changed))); err != nil {
		t.Fatal(err)
	}
	var got []digest.Digest
	for _, referrer := range referrers(t, reg, image, "") {
		got = append(got, referrer.Digest)
	}
	want := []digest.Digest{ours[0].Digest, desc.Digest}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("referrers (-want +got):\n%s", diff)
	}
	tag := registrytest.ReferrersTag(image.Digest)
	if got := do(t, http.MethodHead, reg.URL()+"/v2/app/manifests/"+tag, nil).Status; got != 200 {
		t.Errorf("HEAD of tag %s: got %d, want 200", tag, got)
	}
}

// referrers are what oras-go lists, sorted by digest.
func referrers(t *testing.T, reg *registrytest.Registry, subject ocispec.Descriptor, artifactType string) (descs []ocispec.Descriptor) {
	t.Helper()
	err := client(t, reg, "app").Referrers(t.Context(), subject, artifactType, func(page []ocispec.Descriptor) error {
		descs = append(descs, page...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sorted(descs)
}

// pushReferrers attaches n artifacts and answers them as lists of referrers describe them.
func pushReferrers(t *testing.T, reg *registrytest.Registry, subject ocispec.Descriptor, artifactType string, n int) (descs []ocispec.Descriptor) {
	t.Helper()
	for i := range n {
		desc := pushReferrer(t, reg, "app", subject, artifactType, fmt.Sprint(i))
		desc.ArtifactType = artifactType
		desc.Annotations = map[string]string{"note": fmt.Sprint(i)}
		descs = append(descs, desc)
	}
	return descs
}

func sorted(descs []ocispec.Descriptor) []ocispec.Descriptor {
	return slices.SortedFunc(slices.Values(descs), func(a, b ocispec.Descriptor) int {
		return strings.Compare(a.Digest.String(), b.Digest.String())
	})
}
