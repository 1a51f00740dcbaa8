// SPDX-License-Identifier: Apache-2.0

package attached_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/attached"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// attach pushes an artifact that names subject, or lies under tag.
func attach(t *testing.T, r *registrytest.Registry, subject *ocispec.Descriptor, artifactType, tag string) ocispec.Descriptor {
	t.Helper()
	content := []byte(artifactType + tag)
	m := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType, Config: ocispec.DescriptorEmptyJSON, Subject: subject,
		Layers:      []ocispec.Descriptor{{MediaType: "text/plain", Digest: digest.FromBytes(content), Size: int64(len(content))}},
		Annotations: map[string]string{"of": artifactType},
	}
	m.SchemaVersion = 2
	raw, err := json.Marshal(m)
	fatal(t, err)
	d, err := r.PushManifest(t.Context(), "app", tag, m.MediaType, raw, []byte("{}"), content)
	fatal(t, err)
	return d
}

// draw writes a tree as one line.
func draw(n *attached.Node) string {
	if n == nil {
		return "-"
	}
	name := strings.TrimPrefix(n.Descriptor.ArtifactType, "application/")
	if n.Tag != "" {
		name += n.Tag[strings.LastIndexByte(n.Tag, '.'):]
	}
	var parts []string
	for _, c := range n.Children {
		parts = append(parts, c.Descriptor.Platform.Architecture+"="+draw(c))
	}
	for _, a := range n.Attached {
		parts = append(parts, draw(a))
	}
	slices.Sort(parts)
	return fmt.Sprintf("%s[%s]", name, strings.Join(parts, " "))
}

func TestWalk(t *testing.T) {
	t.Parallel()
	for _, o := range []registrytest.Options{{}, {NoReferrersAPI: true}} {
		r := registrytest.Start(t, o)
		index, children, err := r.PushIndex(t.Context(), "app", "v1", "linux/amd64", "linux/arm64")
		fatal(t, err)
		sbom := attach(t, r, &index, "application/sbom", "")
		attach(t, r, &sbom, "application/signature", "")
		attach(t, r, &children[1], "application/scan", "")
		attach(t, r, nil, "application/x", strings.ReplaceAll(index.Digest.String(), ":", "-")+".sig")
		client, err := registry.New(registry.Options{})
		fatal(t, err)
		root, err := attached.Walk(t.Context(), client, r.Host()+"/app:v1", attached.Options{})
		fatal(t, err)
		const image = "vnd.oci.image.config.v1+json"
		want := "[amd64=" + image + "[] arm64=" + image + "[scan[]] sbom[signature[]] x.sig[]]"
		if diff := cmp.Diff(want, draw(root)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", o, diff)
		}
		for _, q := range r.Requests() {
			if q.Kind == registrytest.KindBlob {
				t.Errorf("a blob was fetched: %+v", q)
			}
		}
	}
}

// What cannot be read is said; the rest of the tree is there.
func TestWalkGoesOn(t *testing.T) {
	t.Parallel()
	r := registrytest.Start(t, registrytest.Options{})
	image, err := r.PushImage(t.Context(), "app", "v1")
	fatal(t, err)
	bad := attach(t, r, &image, "application/bad", "")
	attach(t, r, &image, "application/good", "")
	r.Inject(registrytest.Fault{Kind: registrytest.KindManifest, Reference: bad.Digest.String(), Action: registrytest.Status(403, nil)})
	client, err := registry.New(registry.Options{})
	fatal(t, err)
	root, err := attached.Walk(t.Context(), client, r.Host()+"/app:v1", attached.Options{})
	if err == nil || !strings.Contains(err.Error(), bad.Digest.String()) || !strings.Contains(err.Error(), "403") {
		t.Errorf("error %v", err)
	}
	if root == nil || len(root.Attached) != 1 || root.Attached[0].Descriptor.ArtifactType != "application/good" {
		t.Errorf("tree %s", draw(root))
	}
}

// Manifests that refer to each other end the walk, not the process.
func TestWalkEnds(t *testing.T) {
	t.Parallel()
	r := registrytest.Start(t, registrytest.Options{})
	subject, err := r.PushImage(t.Context(), "app", "v1")
	fatal(t, err)
	for range 10 {
		subject = attach(t, r, &subject, "application/next", "")
	}
	client, err := registry.New(registry.Options{})
	fatal(t, err)
	root, err := attached.Walk(t.Context(), client, r.Host()+"/app:v1", attached.Options{})
	fatal(t, err)
	if depth := strings.Count(draw(root), "next"); depth != 4 {
		t.Errorf("%d levels", depth)
	}
	if _, err := attached.Walk(t.Context(), client, r.Host()+"/missing:v1", attached.Options{}); err == nil {
		t.Error("a missing image has a tree")
	}
}
