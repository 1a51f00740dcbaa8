// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestListsUnderFaults(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	image, other := pushImage(t, reg, "app", "v1"), pushImage(t, reg, "app", "v2")
	wanted := pushReferrers(t, reg, image, testArtifactType, 1)[0]
	unwanted := pushReferrers(t, reg, image, "application/vnd.example.other", 1)[0]
	foreign := pushReferrers(t, reg, other, testArtifactType, 1)[0]
	empty := ocispec.MediaTypeEmptyJSON // the config's media type, which some registries report
	tests := []struct {
		name    string
		action  registrytest.Action
		want    []ocispec.Descriptor
		filters string
		link    string
	}{
		{"FilterIgnored", registrytest.FilterIgnored(), []ocispec.Descriptor{wanted, unwanted}, "", ""},
		{"FilterClaimed", registrytest.FilterClaimed(), []ocispec.Descriptor{wanted, unwanted}, "artifactType", ""},
		{"WrongArtifactType", registrytest.WrongArtifactType(), []ocispec.Descriptor{retyped(wanted, empty), retyped(unwanted, empty)}, "", ""},
		{"FlipReferrers", registrytest.FlipReferrers(other.Digest), []ocispec.Descriptor{foreign}, "artifactType", ""},
		{"Referrers", registrytest.Referrers(image), []ocispec.Descriptor{image}, "artifactType", ""},
		{"Referrers none", registrytest.Referrers(), []ocispec.Descriptor{}, "artifactType", ""},
		{"LieSize", registrytest.LieSize(7), []ocispec.Descriptor{resized(wanted, wanted.Size+7)}, "artifactType", ""},
		{"NextPage", registrytest.NextPage("http://169.254.169.254/"), []ocispec.Descriptor{wanted}, "artifactType", `<http://169.254.169.254/>; rel="next"`},
	}
	for _, tt := range tests {
		remove := reg.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: tt.action})
		index, header := list(t, reg, image, testArtifactType)
		remove()
		if diff := cmp.Diff(sorted(tt.want), sorted(index.Manifests)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if got := header.Get("OCI-Filters-Applied"); got != tt.filters {
			t.Errorf("%s: OCI-Filters-Applied: got %q, want %q", tt.name, got, tt.filters)
		}
		if got := header.Get("Link"); got != tt.link {
			t.Errorf("%s: Link: got %q, want %q", tt.name, got, tt.link)
		}
	}
}

func TestEndlessPages(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	image := pushImage(t, reg, "app", "v1")
	want := pushReferrers(t, reg, image, testArtifactType, 1)
	reg.Inject(registrytest.Fault{Action: registrytest.EndlessPages()})
	page := "/v2/app/referrers/" + image.Digest.String() + "?" + url.Values{"artifactType": {testArtifactType}}.Encode()
	var seen []string
	for range 5 {
		resp := do(t, "", reg.URL()+page, nil)
		if got := index(t, resp).Manifests; !cmp.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", page, got, want)
		}
		if slices.Contains(seen, page) {
			t.Errorf("page %s came twice", page)
		}
		seen = append(seen, page)
		page = strings.TrimSuffix(strings.TrimPrefix(resp.Header.Get("Link"), "<"), `>; rel="next"`)
	}
}

func TestPagesKeepTheFilter(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{PageSize: 1})
	image := pushImage(t, reg, "app", "v1")
	pushReferrers(t, reg, image, testArtifactType, 2)
	_, header := list(t, reg, image, testArtifactType)
	want := fmt.Sprintf(`</v2/app/referrers/%s?%s>; rel="next"`, image.Digest, url.Values{"artifactType": {testArtifactType}, "offset": {"1"}}.Encode())
	if got := header.Get("Link"); got != want {
		t.Errorf("Link: got %q, want %q", got, want)
	}
}

func index(t *testing.T, resp response) (index ocispec.Index) {
	t.Helper()
	if err := json.Unmarshal(resp.Body, &index); err != nil {
		t.Fatal(err)
	}
	return index
}

func retyped(desc ocispec.Descriptor, artifactType string) ocispec.Descriptor {
	desc.ArtifactType = artifactType
	return desc
}

func resized(desc ocispec.Descriptor, size int64) ocispec.Descriptor {
	desc.Size = size
	return desc
}
