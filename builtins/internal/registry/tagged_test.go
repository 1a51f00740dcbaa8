// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestTaggedIsResolveAndManifestInOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	c := client(t, registry.Options{})
	got, raw, err := c.Tagged(t.Context(), w.byTag())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"registry GET /v2/app/manifests/v1"}, w.arrived()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	want, wantRaw, err := c.Manifest(t.Context(), w.byDigest(), w.image)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("descriptor (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantRaw, raw); diff != "" {
		t.Errorf("bytes (-want +got):\n%s", diff)
	}
}

func TestTaggedBelievesTheBytes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		action registrytest.Action
		code   report.Code
	}{
		{"no digest named", registrytest.WrongDigestHeader(""), ""},
		{"another digest named", registrytest.WrongDigestHeader(digest.FromString("x")), report.DigestMismatch},
		{"a byte flipped", registrytest.FlipByte(0), report.InvalidResponse},
		{"not a manifest", registrytest.Replace([]byte("{}")), report.InvalidResponse},
		{"missing", registrytest.Status(404, nil), report.NotFound},
		{"too large", registrytest.Oversize(1<<20, -1), report.TooLarge},
	} {
		w := newWorld(t, registrytest.Options{})
		w.Inject(registrytest.Fault{Action: tt.action})
		desc, raw, err := client(t, registry.Options{Limits: registry.Limits{ManifestBytes: 64 << 10}}).Tagged(t.Context(), w.byTag())
		if tt.code == "" {
			if err != nil || desc.Digest != w.image.Digest || digest.FromBytes(raw) != w.image.Digest {
				t.Errorf("%s: got %+v, %v", tt.name, desc, err)
			}
			continue
		}
		if code, _ := registry.Classify(err); code != tt.code || raw != nil {
			t.Errorf("%s: got %s, want %s: %v", tt.name, code, tt.code, err)
		}
	}
}

func TestTaggedNeedsATag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	ref := w.byDigest()
	ref.Tag = ""
	_, _, err := client(t, registry.Options{}).Tagged(t.Context(), ref)
	if code, _ := registry.Classify(err); code != report.InvalidReference || len(w.Requests()) != 0 {
		t.Errorf("got %s: %v; %d requests", code, err, len(w.Requests()))
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	const image, list = ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex
	body := []byte(`{"schemaVersion":2,"artifactType":"a/b","config":{},"layers":[]}`)
	size := int64(len(body))
	for _, tt := range []struct {
		name string
		desc ocispec.Descriptor
		body []byte
		code report.Code
	}{
		{"unknown type and size", ocispec.Descriptor{}, body, ""},
		{"as it is", ocispec.Descriptor{MediaType: image, Size: size}, body, ""},
		{"of another type", ocispec.Descriptor{MediaType: list}, body, report.InvalidResponse},
		{"of no manifest's type", ocispec.Descriptor{MediaType: "a/b"}, body, report.InvalidResponse},
		{"of another size", ocispec.Descriptor{Size: size + 1}, body, report.DigestMismatch},
		{"not a manifest", ocispec.Descriptor{}, []byte(`[]`), report.InvalidResponse},
		{"two in one", ocispec.Descriptor{}, []byte(`{"config":{},"manifests":[]}`), report.InvalidResponse},
	} {
		tt.desc.Digest = digest.FromBytes(tt.body)
		got, err := registry.Describe(tt.desc, tt.body)
		if tt.code == "" {
			want := ocispec.Descriptor{MediaType: image, Size: size, ArtifactType: "a/b", Digest: tt.desc.Digest}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
			}
			continue
		}
		if code, retryable := registry.Classify(err); code != tt.code || retryable {
			t.Errorf("%s: got %s, %v, want %s: %v", tt.name, code, retryable, tt.code, err)
		}
	}
}
