// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

const sbomType = "application/spdx+json"

// bench is an image with SBOMs: one signed by release, one by a stranger, one by
// nobody.
type bench struct {
	registry *registrytest.Registry
	release  *signtest.Signer
	trust    map[string]any
	image    string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{registry: registrytest.Start(t, registrytest.Options{})}
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	b.trust = ca.TrustDocument()
	b.release, err = ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	stranger, err := signtest.SelfSigned(signtest.LeafOptions{})
	fatal(t, err)
	image, err := b.registry.PushImage(t.Context(), "app", "v1")
	fatal(t, err)
	b.image = b.registry.Reference("app", image.Digest)
	for name, signer := range map[string]*signtest.Signer{"signed": b.release, "strange": stranger, "unsigned": nil} {
		sbom := b.attach(t, image, fmt.Sprintf(`{"spdxVersion": "SPDX-2.3", "name": %q}`, name))
		if signer != nil {
			_, err := signer.SignAndAttach(t.Context(), b.registry, "app", sbom, signtest.SignOptions{})
			fatal(t, err)
		}
	}
	return b
}

func (b *bench) attach(t *testing.T, subject ocispec.Descriptor, content string) ocispec.Descriptor {
	t.Helper()
	layer := ocispec.Descriptor{MediaType: sbomType, Digest: digest.FromString(content), Size: int64(len(content))}
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: sbomType,
		Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{layer}, Subject: &subject,
	})
	fatal(t, err)
	d, err := b.registry.PushManifest(t.Context(), "app", "", ocispec.MediaTypeImageManifest, manifest, []byte(content), []byte("{}"))
	fatal(t, err)
	return d
}

// Content of an artifact is there only if the artifact itself is verified.
func TestArtifactsShowContentOnlyWhenVerified(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := eval(t, `x = {name: [a.verdict, count(a.contents)] |
		some a in ratify.artifacts(input).artifacts
		name := object.get(a, ["contents", 0, "json", "name"], object.get(a, ["errors", 0, "code"], ""))
	}`, map[string]any{"image": b.image, "artifact_type": sbomType, "trust": b.trust})
	want := map[string]any{
		"signed":                []any{"verified", 1},
		"untrusted_certificate": []any{"rejected", 0},
		"no_signature":          []any{"rejected", 0},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A signature on the image vouches for the image, not for its SBOM.
func TestSignatureOnTheImageDoesNotVouchForArtifacts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	image, err := b.registry.PushImage(t.Context(), "app", "v2")
	fatal(t, err)
	_, err = b.release.SignAndAttach(t.Context(), b.registry, "app", image, signtest.SignOptions{})
	fatal(t, err)
	b.attach(t, image, `{"name": "alone"}`)
	got := eval(t, `x = [a.verified | some a in ratify.artifacts(input).artifacts]`,
		map[string]any{"image": b.registry.Reference("app", image.Digest), "artifact_type": sbomType, "trust": b.trust})
	if fmt.Sprint(got) != "[false]" {
		t.Errorf("got %v", got)
	}
}

func TestArtifactWhoseContentCannotBeFetchedIsInconclusive(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	content := `{"spdxVersion": "SPDX-2.3", "name": "signed"}`
	b.registry.Inject(registrytest.Fault{Kind: registrytest.KindBlob, Reference: digest.FromString(content).String(), Action: registrytest.FlipByte(3)})
	got := eval(t, `x = [[a.verdict, a.verified, count(a.contents)] | some a in ratify.artifacts(input).artifacts; a.errors[0].code == "digest_mismatch"]`,
		map[string]any{"image": b.image, "artifact_type": sbomType, "trust": b.trust})
	if fmt.Sprint(got) != "[[inconclusive false 0]]" {
		t.Errorf("got %v", got)
	}
}

func TestVerifyBlobOfANotaryEnvelope(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	blob := []byte("a chart")
	envelope, err := b.release.Sign(t.Context(), ocispec.Descriptor{
		MediaType: "application/gzip", Digest: digest.FromBytes(blob), Size: int64(len(blob)),
	}, signtest.SignOptions{})
	fatal(t, err)
	var object any
	fatal(t, json.Unmarshal(envelope.Bytes, &object))
	for _, tt := range []struct {
		name    string
		request map[string]any
		want    string
	}{
		{"by bytes", map[string]any{"bytes": base64.StdEncoding.EncodeToString(blob), "envelope": base64.StdEncoding.EncodeToString(envelope.Bytes)}, "verified"},
		{"by digest", map[string]any{"digest": digest.FromBytes(blob).String(), "envelope": base64.StdEncoding.EncodeToString(envelope.Bytes)}, "verified"},
		{"envelope as an object", map[string]any{"digest": digest.FromBytes(blob).String(), "envelope": object}, "verified"},
		{"other bytes", map[string]any{"bytes": base64.StdEncoding.EncodeToString([]byte("another")), "envelope": object}, "rejected"},
		{"no envelope at all", map[string]any{"digest": digest.FromBytes(blob).String(), "envelope": base64.StdEncoding.EncodeToString([]byte("nothing"))}, "rejected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.request["trust"] = b.trust
			if got := eval(t, "x = ratify.verify_blob(input).verdict", tt.request); got != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}

// What is often taken for a Sigstore bundle is called by its name.
func TestVerifyBlobOfAnotherFormat(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for envelope, says := range map[string]string{
		"nothing": "the envelope is neither", "{}": "the envelope is neither", "[]": "the envelope is neither",
		`{"payloadType": "application/vnd.in-toto+json", "payload": "", "signatures": []}`: "a bare DSSE envelope is neither",
		`{"base64Signature": "", "cert": "", "rekorBundle": {}}`:                           "the bundle that cosign wrote before v3 is neither",
		`{"mediaType": "application/vnd.dev.sigstore.bundle.v9+json"}`:                     `an envelope of media type "application/vnd.dev.sigstore.bundle.v9+json" is neither`,
	} {
		got := eval(t, "x = ratify.verify_blob(input).errors[0]", map[string]any{
			"digest": digest.FromString("a chart").String(), "envelope": base64.StdEncoding.EncodeToString([]byte(envelope)), "trust": b.trust,
		})
		e, _ := got.(map[string]any)
		if message, _ := e["message"].(string); e["code"] != "unsupported_format" || !strings.HasPrefix(message, says) {
			t.Errorf("%s: %v", envelope, got)
		}
	}
}

// A registry that lists the signed artifact of another image, or puts annotations
// of its own into the list, is not believed.
func TestArtifactsOfAnotherImageDoNotCount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other, err := b.registry.PushImage(t.Context(), "app", "other")
	fatal(t, err)
	named := digest.Digest(b.image[strings.LastIndexByte(b.image, '@')+1:])
	b.registry.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Reference: other.Digest.String(), Action: registrytest.FlipReferrers(named)})
	got := eval(t, `x = {[a.verdict, a.errors[0].code, count(a.contents), count(a.annotations)] | some a in ratify.artifacts(input).artifacts}`,
		map[string]any{"image": b.registry.Reference("app", other.Digest), "artifact_type": sbomType, "trust": b.trust})
	want := `[[rejected no_signature 0 0] [rejected subject_mismatch 0 0] [rejected untrusted_certificate 0 0]]`
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
