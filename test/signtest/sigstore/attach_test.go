// SPDX-License-Identifier: Apache-2.0

package sigstore_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	sgverify "github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// What Attach pushes is what cosign's own library pushes for the same signature.
func TestAttachIsWhatCosignDoes(t *testing.T) {
	t.Parallel()
	key := newKey(t, sigstore.KeyOptions{})
	for name, tt := range map[string]struct {
		sign sigstore.SignOptions
		push func(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, sig *sigstore.Signature)
		tag  string
	}{
		"bundle": {
			push: pushBundle(sigstore.PredicateSignature),
		},
		"attestation in a bundle": {
			sign: sigstore.SignOptions{PredicateType: sigstore.PredicateSLSA},
			push: pushBundle(sigstore.PredicateSLSA),
		},
		"tag": {
			sign: sigstore.SignOptions{Layout: sigstore.Tag},
			push: pushSignature(func(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, signed oci.SignedEntity) error {
				return ociremote.WriteSignatures(reference(t, reg, image).Repository, signed)
			}),
			tag: ".sig",
		},
		"attestation under a tag": {
			sign: sigstore.SignOptions{Layout: sigstore.Tag, PredicateType: sigstore.PredicateSLSA},
			push: pushAttestation,
			tag:  ".att",
		},
		"referrer": {
			sign: sigstore.SignOptions{Layout: sigstore.Referrer},
			push: pushSignature(func(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, signed oci.SignedEntity) error {
				return ociremote.WriteSignaturesExperimentalOCI(reference(t, reg, image), signed)
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reg, image := registryWithImage(t)
			sig := sign(t, key, image, tt.sign)
			attach(t, reg, image, sig)
			ours := attached(t, reg, image, tt.tag)

			reg, image = registryWithImage(t)
			tt.push(t, reg, image, sig)
			theirs := attached(t, reg, image, tt.tag)
			if diff := cmp.Diff(theirs, ours); diff != "" {
				t.Errorf("manifest (-cosign +ours):\n%s", diff)
			}
		})
	}
}

// attached is the manifest attached to image, under a tag or as its one referrer,
// without what differs each time.
func attached(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, tag string) (m ocispec.Manifest) {
	t.Helper()
	ref := reference(t, reg, image)
	raw := onlyReferrer(t, ref)
	if tag != "" {
		raw = manifestAt(t, ref.Context().Tag(registrytest.ReferrersTag(image.Digest)+tag))
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	delete(m.Annotations, ocispec.AnnotationCreated)
	if m.Config.MediaType != ocispec.MediaTypeEmptyJSON {
		m.Config.Digest, m.Config.Size = "", 0 // of an image, with an order of fields of its own
	}
	return m
}

func pushBundle(predicateType string) func(*testing.T, *registrytest.Registry, ocispec.Descriptor, *sigstore.Signature) {
	return func(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, sig *sigstore.Signature) {
		t.Helper()
		raw, err := sig.Bundle()
		if err != nil {
			t.Fatal(err)
		}
		if err := ociremote.WriteAttestationNewBundleFormat(reference(t, reg, image), raw, predicateType); err != nil {
			t.Fatal(err)
		}
	}
}

func pushSignature(write func(*testing.T, *registrytest.Registry, ocispec.Descriptor, oci.SignedEntity) error) func(*testing.T, *registrytest.Registry, ocispec.Descriptor, *sigstore.Signature) {
	return func(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, sig *sigstore.Signature) {
		t.Helper()
		layer, err := static.NewSignature(sig.Payload, base64.StdEncoding.EncodeToString(sig.Sig))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := mutate.AttachSignatureToEntity(ociremote.SignedUnknown(reference(t, reg, image)), layer)
		if err != nil {
			t.Fatal(err)
		}
		if err := write(t, reg, image, signed); err != nil {
			t.Fatal(err)
		}
	}
}

func pushAttestation(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, sig *sigstore.Signature) {
	t.Helper()
	envelope, err := json.Marshal(dsse.Envelope{
		PayloadType: sig.PayloadType,
		Payload:     base64.StdEncoding.EncodeToString(sig.Payload),
		Signatures:  []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(sig.Sig)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	layer, err := static.NewAttestation(envelope,
		static.WithLayerMediaType(types.MediaType(sigstore.MediaTypeDSSE)),
		static.WithAnnotations(map[string]string{"predicateType": sig.PredicateType}))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := mutate.AttachAttestationToEntity(ociremote.SignedUnknown(reference(t, reg, image)), layer)
	if err != nil {
		t.Fatal(err)
	}
	if err := ociremote.WriteAttestations(reference(t, reg, image).Repository, signed); err != nil {
		t.Fatal(err)
	}
}

func TestCosignVerifiesAttestations(t *testing.T) {
	t.Parallel()
	instance := newInstance(t, sigstore.InstanceOptions{})
	signer := certify(t, instance, sigstore.GitHub("acme/app", "release.yml", "refs/heads/main"))
	for _, layout := range []sigstore.Layout{sigstore.Bundle, sigstore.BundleV02, sigstore.BundleV01} {
		reg, image := registryWithImage(t)
		o := sigstore.SignOptions{Layout: layout, PredicateType: sigstore.PredicateSLSA, Predicate: map[string]any{"a": 1}}
		attach(t, reg, image, sign(t, signer, image, o))
		got, err := verifyBundle(t, reg, image, keyless(t, instance, signer, sigstore.TrustedRootOptions{}).options(t))
		if err != nil || got != sigstore.PredicateSLSA {
			t.Errorf("%s: got predicate type %q, error %v", layout, got, err)
		}
	}
	for _, inToto := range []string{"", "0.0.1", "0.0.2"} {
		reg, image := registryWithImage(t)
		o := sigstore.SignOptions{Layout: sigstore.Tag, PredicateType: sigstore.PredicateSPDX, InToto: inToto}
		attach(t, reg, image, sign(t, signer, image, o))
		if err := verifyAttestations(t, reg, image, keyless(t, instance, signer, sigstore.TrustedRootOptions{}).options(t)); err != nil {
			t.Errorf("intoto %q: %v", inToto, err)
		}
	}
}

func TestSeveralSignaturesUnderOneTag(t *testing.T) {
	t.Parallel()
	reg, image := registryWithImage(t)
	o := sigstore.SignOptions{Layout: sigstore.Tag}
	one, two := newKey(t, sigstore.KeyOptions{}), newKey(t, sigstore.KeyOptions{Kind: sigstore.Ed25519})
	both := []*sigstore.Signature{sign(t, one, image, o), sign(t, two, image, o)}
	if _, err := sigstore.AttachAll(t.Context(), reg, "app", image, both); err != nil {
		t.Fatal(err)
	}
	for _, key := range []*sigstore.Signer{one, two} {
		if err := verify(t, reg, image, sigstore.Tag, trust{key: key}.options(t)); err != nil {
			t.Error(err)
		}
	}
}

func TestSigstoreVerifiesBlobs(t *testing.T) {
	t.Parallel()
	instance := newInstance(t, sigstore.InstanceOptions{})
	blob, other := []byte("a policy bundle"), []byte("another one")
	for name, key := range map[string]sigstore.KeyOptions{
		"P-256":     {},
		"P-384":     {Kind: signtest.ECP384},
		"RSA":       {Kind: signtest.RSA2048},
		"Ed25519ph": {Kind: sigstore.Ed25519, Prehash: true},
	} {
		signer := certify(t, instance, sigstore.CertificateOptions{Key: key})
		sig, err := signer.SignBlob(blob, sigstore.SignOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		raw, err := sig.Bundle()
		if err != nil {
			t.Fatal(err)
		}
		if err := verifyBlob(t, instance, raw, blob); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := verifyBlob(t, instance, raw, other); err == nil {
			t.Errorf("%s: verified for another blob", name)
		}
	}
}

func verifyBlob(t *testing.T, instance *sigstore.Instance, raw, blob []byte) error {
	t.Helper()
	verifier, err := sgverify.NewVerifier(trustedRoot(t, instance, sigstore.TrustedRootOptions{}),
		sgverify.WithSignedTimestamps(1), sgverify.WithTransparencyLog(1), sgverify.WithSignedCertificateTimestamps(1))
	if err != nil {
		t.Fatal(err)
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	identity, err := sgverify.NewShortCertificateIdentity("https://accounts.acme.example", "", "release@acme.example", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = verifier.Verify(&b, sgverify.NewPolicy(sgverify.WithArtifact(bytes.NewReader(blob)), sgverify.WithCertificateIdentity(identity)))
	return err
}

func TestJunkIsAttached(t *testing.T) {
	t.Parallel()
	reg, image := registryWithImage(t)
	if err := sigstore.AttachJunk(t.Context(), reg, "app", image, 20); err != nil {
		t.Fatal(err)
	}
	seen := make(map[digest.Digest]bool)
	for _, desc := range referrers(t, reference(t, reg, image)) {
		seen[digest.Digest(desc.Digest.String())] = true
	}
	if len(seen) != 20 {
		t.Errorf("bundles: got %d, want 20", len(seen))
	}
}
