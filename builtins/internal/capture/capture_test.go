// SPDX-License-Identifier: Apache-2.0

package capture_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/attached"
	"github.com/opa-ratify/opa-ratify/builtins/internal/capture"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

var at = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// world is a registry with an index of two images, an SBOM on the index, a
// signature on the SBOM and one under a tag.
type world struct {
	*registrytest.Registry

	image string
	index ocispec.Descriptor
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Registry: registrytest.Start(t, registrytest.Options{})}
	w.index, _ = must2(w.PushIndex(t.Context(), "app", "v1", "linux/amd64", "linux/arm64"))(t)
	w.image = w.Host() + "/app:v1"
	sbom := w.attach(t, w.index, "application/spdx+json", "", "an SBOM")
	w.attach(t, sbom, "application/x.signature", "", "a signature")
	tag := strings.ReplaceAll(w.index.Digest.String(), ":", "-") + ".sig"
	w.attach(t, ocispec.Descriptor{}, "", tag, "a signature under a tag")
	return w
}

func must2[A, B any](a A, b B, err error) func(*testing.T) (A, B) {
	return func(t *testing.T) (A, B) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a, b
	}
}

func (w *world) attach(t *testing.T, subject ocispec.Descriptor, artifactType, tag, content string) ocispec.Descriptor {
	t.Helper()
	layer := ocispec.Descriptor{MediaType: "text/plain", Digest: ocispec.DescriptorEmptyJSON.Digest.Algorithm().FromString(content), Size: int64(len(content))}
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType, Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{layer}}
	m.SchemaVersion = 2
	m.Config.Data = nil
	if subject.Digest != "" {
		m.Subject = &subject
	}
	raw := must(json.Marshal(m))(t)
	return must(w.PushManifest(t.Context(), "app", tag, m.MediaType, raw, []byte("{}"), []byte(content)))(t)
}

// record crawls the image and returns the directory.
func (w *world) record(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "evidence")
	recorder := must(capture.NewRecorder(dir, at))(t)
	client := must(registry.New(registry.Options{}))(t)
	var seen int
	_, err := attached.Walk(t.Context(), recorder.Over(client), w.image, attached.Options{Contents: true, Seen: func(*attached.Node) { seen++ }})
	if err != nil {
		t.Fatal(err)
	}
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	if seen != 6 { // index, two images, SBOM, signature, tagged signature
		t.Errorf("%d manifests", seen)
	}
	return dir
}

func TestEvidenceAnswersAsTheRegistryDid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := must(registry.New(registry.Options{}))(t)
	e := must(capture.Open(w.record(t)))(t)
	if !e.Time().Equal(at) {
		t.Errorf("as of %v", e.Time())
	}
	ref := must(reference.Parse(w.image))(t)
	subject := ref.WithDigest(w.index.Digest)
	for _, artifactType := range []string{"", "application/spdx+json", "application/other"} {
		want := must(client.Referrers(t.Context(), subject, artifactType))(t)
		got := must(e.Referrers(t.Context(), subject, artifactType))(t)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("referrers of type %q (-want +got):\n%s", artifactType, diff)
		}
		for _, d := range got {
			wantDesc, wantRaw, err := client.Manifest(t.Context(), subject, d)
			gotDesc, gotRaw, gotErr := e.Manifest(t.Context(), subject, d)
			if diff := cmp.Diff(wantDesc, gotDesc); diff != "" || string(wantRaw) != string(gotRaw) || err != nil || gotErr != nil {
				t.Errorf("manifest %s: %v, %v (-want +got):\n%s", d.Digest, err, gotErr, diff)
			}
		}
	}
	want := must(client.Resolve(t.Context(), ref))(t)
	if got := must(e.Resolve(t.Context(), ref))(t); got.Digest != want.Digest || got.MediaType != want.MediaType || got.Size != want.Size {
		t.Errorf("resolved %+v, want %+v", got, want)
	}
	sig := reference.Reference{Registry: ref.Registry, Repository: ref.Repository, Tag: strings.ReplaceAll(w.index.Digest.String(), ":", "-") + ".sig"}
	if _, raw, err := e.Tagged(t.Context(), sig); err != nil || !strings.Contains(string(raw), "text/plain") {
		t.Errorf("tagged %q, %v", raw, err)
	}
	sig.Tag = strings.TrimSuffix(sig.Tag, ".sig") + ".att"
	_, _, err := e.Tagged(t.Context(), sig)
	if code, _ := registry.Classify(err); code != report.NotFound {
		t.Errorf("a tag that was not there: %v", err)
	}
}

// What was not asked has no answer; above all it is not absent.
func TestEvidenceKnowsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := must(capture.Open(w.record(t)))(t)
	other := must(reference.Parse(w.Host() + "/other:v1"))(t)
	stranger := other.WithDigest(w.index.Digest)
	_, resolve := e.Resolve(t.Context(), other)
	_, _, tagged := e.Tagged(t.Context(), other)
	_, list := e.Referrers(t.Context(), stranger, "")
	_, _, manifest := e.Manifest(t.Context(), stranger, w.index)
	_, blob := e.Blob(t.Context(), stranger, w.index)
	for what, err := range map[string]error{"resolve": resolve, "tagged": tagged, "referrers": list, "manifest of another repository": manifest, "blob": blob} {
		if code, retryable := registry.Classify(err); code != report.NotCaptured || retryable {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestEvidenceIsHashedAgain(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(string) error{
		"altered":   func(p string) error { return os.WriteFile(p, []byte(`{"manifests":[]}`), 0o600) },
		"truncated": func(p string) error { return os.Truncate(p, 10) },
		"removed":   os.Remove,
		"a directory": func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.Mkdir(p, 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			dir := w.record(t)
			if err := spoil(filepath.Join(dir, "blobs", "sha256", w.index.Digest.Encoded())); err != nil {
				t.Fatal(err)
			}
			e := must(capture.Open(dir))(t)
			ref := must(reference.Parse(w.image))(t)
			_, raw, err := e.Manifest(t.Context(), ref, w.index)
			if code, _ := registry.Classify(err); raw != nil || code != report.DigestMismatch && code != report.NotCaptured {
				t.Errorf("got %q, %v", raw, err)
			}
		})
	}
}

// The directory is an OCI image layout that other programs can read.
func TestEvidenceIsAnImageLayout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := w.record(t)
	var layout ocispec.ImageLayout
	var index ocispec.Index
	for name, into := range map[string]any{"oci-layout": &layout, "index.json": &index} {
		raw := must(os.ReadFile(filepath.Join(dir, name)))(t)
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	if layout.Version != "1.0.0" || len(index.Manifests) != 6 {
		t.Errorf("layout %q with %d manifests", layout.Version, len(index.Manifests))
	}
	for _, d := range index.Manifests {
		raw := must(os.ReadFile(filepath.Join(dir, "blobs", "sha256", d.Digest.Encoded())))(t)
		if int64(len(raw)) != d.Size {
			t.Errorf("%s has %d bytes, %d are said", d.Digest, len(raw), d.Size)
		}
	}
}

func TestRecorderWantsAnEmptyDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := capture.NewRecorder(dir, at); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("error %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, content := range map[string]string{
		"no such file":     "",
		"unexpected end":   "{",
		"expected version": `{"version": 2, "captured_at": "2026-01-01T00:00:00Z"}`,
		"and the time":     `{"version": 1}`,
	} {
		dir := t.TempDir()
		if content != "" {
			if err := os.WriteFile(filepath.Join(dir, "evidence.json"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := capture.Open(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v; want %q", content, err, want)
		}
	}
}
