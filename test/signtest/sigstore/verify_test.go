// SPDX-License-Identifier: Apache-2.0

package sigstore_test

import (
	"crypto"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	sgverify "github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// trust is what cosign's own verifier trusts.
type trust struct {
	key      *sigstore.Signer // or else
	pss      bool
	issuer   string
	subject  string
	material root.TrustedMaterial // nil: nothing
	log      bool                 // a log entry is demanded
	stamp    bool                 // a signed timestamp is demanded
}

func (w trust) options(t *testing.T) *cosign.CheckOpts {
	t.Helper()
	o := &cosign.CheckOpts{
		TrustedMaterial:     w.material,
		ClaimVerifier:       cosign.SimpleClaimVerifier,
		IgnoreTlog:          !w.log,
		UseSignedTimestamps: w.stamp,
		Offline:             true,
	}
	if o.TrustedMaterial == nil {
		o.TrustedMaterial = root.TrustedMaterialCollection{}
	}
	if w.key == nil {
		o.Identities = []cosign.Identity{{Issuer: w.issuer, Subject: w.subject}}
		return o
	}
	load := []signature.LoadOption{options.WithHash(cryptoHash(w.key))}
	if w.pss {
		load = append(load, options.WithRSAPSS(&rsa.PSSOptions{Hash: cryptoHash(w.key)}))
	}
	verifier, err := signature.LoadVerifierWithOpts(w.key.Key.Public(), load...)
	if err != nil {
		t.Fatal(err)
	}
	o.SigVerifier = verifier
	return o
}

// cryptoHash is a hash that [signature.LoadVerifierWithOpts] can be given for any key.
func cryptoHash(key *sigstore.Signer) crypto.Hash {
	if key.Hash() == 0 {
		return crypto.SHA256
	}
	return key.Hash()
}

// verify has cosign fetch and verify what is attached to image in a layout.
func verify(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, layout sigstore.Layout, o *cosign.CheckOpts) error {
	t.Helper()
	switch layout {
	case sigstore.Tag:
		_, _, err := cosign.VerifyImageSignatures(t.Context(), reference(t, reg, image), o)
		return err
	case sigstore.Referrer:
		o.ExperimentalOCI11 = true
		_, _, err := cosign.VerifyImageSignatures(t.Context(), reference(t, reg, image), o)
		return err
	default:
		_, err := verifyBundle(t, reg, image, o)
		return err
	}
}

// verifyBundle verifies the one bundle that is attached to image and answers its
// predicate type. cosign itself fetches none before v0.3, so it gets them from here.
func verifyBundle(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, o *cosign.CheckOpts) (string, error) {
	t.Helper()
	var b bundle.Bundle
	if err := b.UnmarshalJSON(onlyBundle(t, reg, image)); err != nil {
		return "", err
	}
	want, err := hex.DecodeString(image.Digest.Encoded())
	if err != nil {
		t.Fatal(err)
	}
	result, err := cosign.VerifyNewBundle(t.Context(), o, sgverify.WithArtifactDigest("sha256", want), &b)
	if err != nil {
		return "", err
	}
	return result.Statement.GetPredicateType(), nil
}

// onlyBundle is the first layer of the one referrer of image.
func onlyBundle(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor) []byte {
	t.Helper()
	ref := reference(t, reg, image)
	var m ocispec.Manifest
	if err := json.Unmarshal(onlyReferrer(t, ref), &m); err != nil {
		t.Fatal(err)
	}
	layer, err := remote.Layer(ref.Context().Digest(m.Layers[0].Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	blob, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	raw, err := io.ReadAll(blob)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// onlyReferrer is the manifest of the one referrer of ref, nil if there is none.
func onlyReferrer(t *testing.T, ref name.Digest) []byte {
	t.Helper()
	list := referrers(t, ref)
	switch len(list) {
	case 0:
		return nil
	case 1:
		return manifestAt(t, ref.Context().Digest(list[0].Digest.String()))
	default:
		t.Fatalf("referrers: got %d, want at most 1", len(list))
		return nil
	}
}

func referrers(t *testing.T, ref name.Digest) []v1.Descriptor {
	t.Helper()
	index, err := remote.Referrers(ref)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return list.Manifests
}

func manifestAt(t *testing.T, ref name.Reference) []byte {
	t.Helper()
	found, err := remote.Get(ref)
	if err != nil {
		t.Fatal(err)
	}
	return found.Manifest
}

// verifyAttestations has cosign verify what is under the tag for attestations.
func verifyAttestations(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, o *cosign.CheckOpts) error {
	t.Helper()
	o.ClaimVerifier = cosign.IntotoSubjectClaimVerifier
	_, _, err := cosign.VerifyImageAttestations(t.Context(), reference(t, reg, image), o)
	return err
}

func reference(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor) name.Digest {
	t.Helper()
	ref, err := name.NewDigest(reg.Reference("app", image.Digest))
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func registryWithImage(t *testing.T) (*registrytest.Registry, ocispec.Descriptor) {
	t.Helper()
	reg := registrytest.Start(t, registrytest.Options{})
	image, err := reg.PushImage(t.Context(), "app", "v1")
	if err != nil {
		t.Fatal(err)
	}
	return reg, image
}

func newKey(t *testing.T, o sigstore.KeyOptions) *sigstore.Signer {
	t.Helper()
	key, err := sigstore.NewKey(o)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newInstance(t *testing.T, o sigstore.InstanceOptions) *sigstore.Instance {
	t.Helper()
	instance, err := sigstore.NewInstance(o)
	if err != nil {
		t.Fatal(err)
	}
	return instance
}

func certify(t *testing.T, instance *sigstore.Instance, o sigstore.CertificateOptions) *sigstore.Signer {
	t.Helper()
	signer, err := instance.Certify(o)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func sign(t *testing.T, signer *sigstore.Signer, image ocispec.Descriptor, o sigstore.SignOptions) *sigstore.Signature {
	t.Helper()
	sig, err := signer.Sign(image, o)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func attach(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, sig *sigstore.Signature) ocispec.Descriptor {
	t.Helper()
	desc, err := sigstore.Attach(t.Context(), reg, "app", image, sig)
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

// keyless trusts the one identity of signer, as certified by instance.
func keyless(t *testing.T, instance *sigstore.Instance, signer *sigstore.Signer, o sigstore.TrustedRootOptions) trust {
	t.Helper()
	identity := signer.Identity()
	return trust{
		issuer:   fmt.Sprint(identity["issuer"]),
		subject:  fmt.Sprint(identity["subject"]),
		material: trustedRoot(t, instance, o),
		log:      true,
		stamp:    true,
	}
}

func trustedRoot(t *testing.T, instance *sigstore.Instance, o sigstore.TrustedRootOptions) root.TrustedMaterial {
	t.Helper()
	material, err := root.NewTrustedRootFromJSON(instance.TrustedRootJSON(o))
	if err != nil {
		t.Fatal(err)
	}
	return material
}
