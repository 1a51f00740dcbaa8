// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

const signatureType = "application/vnd.cncf.notary.signature"

// world is a registry with one image and one signature-like referrer on it.
type world struct {
	*registrytest.Registry
	image     ocispec.Descriptor
	signature ocispec.Descriptor
	envelope  ocispec.Descriptor
}

func newWorld(t testing.TB, o registrytest.Options) *world {
	t.Helper()
	w := &world{Registry: registrytest.Start(t, o)}
	image, err := w.PushImage(t.Context(), "app", "v1")
	if err != nil {
		t.Fatal(err)
	}
	w.image = image
	w.signature, w.envelope = w.attach(t, signatureType, "envelope")
	w.ResetRequests()
	return w
}

// attach pushes a referrer of the image with one layer.
func (w *world) attach(t testing.TB, artifactType, content string) (manifest, layer ocispec.Descriptor) {
	t.Helper()
	layer, err := w.PushBlob(t.Context(), "app", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	layer.MediaType = "application/jose+json"
	raw, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: artifactType, Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{layer}, Subject: &w.image,
	})
	if err != nil {
		t.Fatal(err)
	}
	manifest, err = w.PushManifest(t.Context(), "app", "", ocispec.MediaTypeImageManifest, raw, ocispec.DescriptorEmptyJSON.Data)
	if err != nil {
		t.Fatal(err)
	}
	manifest.ArtifactType = artifactType
	return manifest, layer
}

func (w *world) byTag() reference.Reference {
	return reference.Reference{Registry: w.Host(), Repository: "app", Tag: "v1"}
}

func (w *world) byDigest() reference.Reference { return w.byTag().WithDigest(w.image.Digest) }

// client is patient enough for no test to notice.
func client(t testing.TB, o registry.Options) *registry.Client {
	t.Helper()
	if o.Backoff == 0 {
		o.Backoff = time.Millisecond
	}
	c, err := registry.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// arrived lists the requests as "registry GET /v2/app/manifests/v1".
func (w *world) arrived() []string {
	requests := w.Requests()
	list := make([]string, 0, len(requests))
	for _, r := range requests {
		list = append(list, string(r.Server)+" "+r.Method+" "+r.Path)
	}
	return list
}

// pull goes through all four questions.
func pull(ctx context.Context, c *registry.Client, w *world) ([]byte, error) {
	desc, err := c.Resolve(ctx, w.byTag())
	if err != nil {
		return nil, err
	}
	return evidence(ctx, c, w.byTag().WithDigest(desc.Digest))
}

// evidence is what a reference by digest costs.
func evidence(ctx context.Context, c *registry.Client, subject reference.Reference) ([]byte, error) {
	list, err := c.Referrers(ctx, subject, signatureType)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, errors.New("not one referrer")
	}
	_, raw, err := c.Manifest(ctx, subject, list[0])
	if err != nil {
		return nil, err
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	return c.Blob(ctx, subject, m.Layers[0])
}

func TestPullByTagTakesFourRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	got, err := pull(t.Context(), client(t, registry.Options{}), w)
	if err != nil || string(got) != "envelope" {
		t.Fatalf("got %q, %v", got, err)
	}
	want := []string{
		"registry HEAD /v2/app/manifests/v1",
		"registry GET /v2/app/referrers/" + w.image.Digest.String(),
		"registry GET /v2/app/manifests/" + w.signature.Digest.String(),
		"registry GET /v2/app/blobs/" + w.envelope.Digest.String(),
	}
	if diff := cmp.Diff(want, w.arrived()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestPullByDigestTakesThreeRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	got, err := evidence(t.Context(), client(t, registry.Options{}), w.byDigest())
	if err != nil || string(got) != "envelope" {
		t.Fatalf("got %q, %v", got, err)
	}
	if n := len(w.Requests()); n != 3 {
		t.Errorf("%d requests, want 3: %q", n, w.arrived())
	}
}

func TestResolveIsComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	for _, ref := range []reference.Reference{w.byTag(), w.byDigest()} {
		got, err := client(t, registry.Options{}).Resolve(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		want := ocispec.Descriptor{MediaType: w.image.MediaType, Digest: w.image.Digest, Size: w.image.Size}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ref, diff)
		}
	}
}

func TestManifestKnowsMoreThanTheDescriptor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	got, raw, err := client(t, registry.Options{}).Manifest(t.Context(), w.byDigest(), ocispec.Descriptor{Digest: w.signature.Digest})
	if err != nil {
		t.Fatal(err)
	}
	want := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: w.signature.Digest, Size: int64(len(raw)), ArtifactType: signatureType}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAllowListRefusesBeforeAnyRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	scope, err := reference.ParseScope(w.Host() + "/team")
	if err != nil {
		t.Fatal(err)
	}
	_, err = client(t, registry.Options{Allowed: []reference.Scope{scope}}).Resolve(t.Context(), w.byTag())
	if code, retryable := registry.Classify(err); code != report.RegistryNotAllowed || retryable {
		t.Errorf("got %s, %v: %v", code, retryable, err)
	}
	if n := len(w.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestNewNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := registry.New(registry.Options{
		Registries: []registry.Registry{
			{Match: "bad host"},
			{Match: "a.example", Mirrors: []string{"b.example/UPPER"}, TrustedRealms: []string{"x y"}, CA: []byte("none"), PlainHTTP: true},
			{Match: "c.example"},
			{Match: "C.example:443"},
		},
		Limits: registry.Limits{Referrers: -1},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"bad host", "UPPER", "x y", "no certificate", "exclude each other", "twice", "referrers: -1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not name %q", err, want)
		}
	}
}

func TestRequestsAreObserved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}})
	events := make(chan registry.RequestEvent, 8)
	c := client(t, registry.Options{Observe: func(e registry.RequestEvent) { events <- e }})
	if _, err := c.Resolve(t.Context(), w.byTag()); err != nil {
		t.Fatal(err)
	}
	token, head := <-events, <-events
	if token.Kind != registry.KindToken || token.Status != http.StatusOK || head.Kind != registry.KindManifest || head.Host != w.Host() || head.Status != http.StatusOK {
		t.Errorf("got %+v and %+v", token, head)
	}
}
