// SPDX-License-Identifier: Apache-2.0

package signtest_test

import (
	"crypto/x509"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/notaryproject/notation-go"
	notationregistry "github.com/notaryproject/notation-go/registry"
	"github.com/notaryproject/notation-go/signer"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func TestNotationVerifiesFromTheRegistry(t *testing.T) {
	t.Parallel()
	for _, noAPI := range []bool{false, true} {
		for _, format := range signtest.Formats() {
			reg, image := registryWithImage(t, registrytest.Options{NoReferrersAPI: noAPI})
			ca := newCA(t, signtest.CAOptions{})
			_, err := newLeaf(t, ca, signtest.LeafOptions{}).SignAndAttach(t.Context(), reg, "app", image, signtest.SignOptions{Format: format})
			if err != nil {
				t.Fatal(err)
			}
			if err := verifyRemote(t, reg, image, ca); err != nil {
				t.Errorf("%s, no referrers API %t: %v", format, noAPI, err)
			}
		}
	}
}

func TestNotationRejectsMalformedManifests(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		edit func(signtest.Envelope) signtest.Edit
	}{
		{name: "two layers", edit: signtest.TwoLayers},
		{name: "no layer", edit: func(signtest.Envelope) signtest.Edit { return signtest.NoLayer() }},
		{name: "no subject", edit: func(signtest.Envelope) signtest.Edit { return signtest.NoSubject() }},
		{name: "subject elsewhere", edit: func(signtest.Envelope) signtest.Edit { return signtest.WrongSubject(subject("other")) }},
		{name: "layer of another type", edit: func(signtest.Envelope) signtest.Edit { return signtest.WrongLayerType("text/plain") }},
		{name: "layer of another size", edit: func(signtest.Envelope) signtest.Edit { return signtest.LayerSize(1) }},
		{name: "missing blob", edit: func(signtest.Envelope) signtest.Edit { return signtest.MissingBlob() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reg, image := registryWithImage(t, registrytest.Options{})
			ca := newCA(t, signtest.CAOptions{})
			signer := newLeaf(t, ca, signtest.LeafOptions{})
			env := sign(t, signer, image, signtest.SignOptions{})
			if _, err := signtest.Attach(t.Context(), reg, "app", image, env, tt.edit(env)); err != nil {
				t.Fatal(err)
			}
			if err := verifyRemote(t, reg, image, ca); err == nil {
				t.Error("verified")
			}
		})
	}
}

func TestInlineDataIsInTheManifest(t *testing.T) {
	t.Parallel()
	reg, image := registryWithImage(t, registrytest.Options{})
	ca := newCA(t, signtest.CAOptions{})
	desc, err := newLeaf(t, ca, signtest.LeafOptions{}).SignAndAttach(t.Context(), reg, "app", image, signtest.SignOptions{}, signtest.InlineData([]byte("lie")))
	if err != nil {
		t.Fatal(err)
	}
	if got := manifest(t, reg, desc.Digest).Layers[0].Data; string(got) != "lie" {
		t.Errorf("data: got %q, want lie", got)
	}
	// notation-go fetches the blob and is not deceived.
	if err := verifyRemote(t, reg, image, ca); err != nil {
		t.Error(err)
	}
}

// A tampered envelope that cannot be read is attached without the annotations that
// would have to be read from it.
func TestAttachUnreadableEnvelope(t *testing.T) {
	t.Parallel()
	reg, image := registryWithImage(t, registrytest.Options{})
	for _, format := range signtest.Formats() {
		desc, err := signtest.Attach(t.Context(), reg, "app", image, signtest.Envelope{MediaType: string(format), Bytes: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		if got := manifest(t, reg, desc.Digest).Annotations; len(got) > 0 {
			t.Errorf("%s: annotations: got %v, want none", format, got)
		}
	}
}

// What Attach pushes is what notation pushes, but for what differs in each signature.
func TestAttachIsWhatNotationDoes(t *testing.T) {
	t.Parallel()
	reg, image := registryWithImage(t, registrytest.Options{})
	leaf := newLeaf(t, newCA(t, signtest.CAOptions{}), signtest.LeafOptions{})
	ours, err := leaf.SignAndAttach(t.Context(), reg, "app", image, signtest.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	local, err := signer.NewGenericSigner(leaf.Key, leaf.Chain)
	if err != nil {
		t.Fatal(err)
	}
	_, err = notation.Sign(t.Context(), local, notationregistry.NewRepository(remoteRepository(t, reg)), notation.SignOptions{
		SignerSignOptions: notation.SignerSignOptions{SignatureMediaType: string(signtest.JWS)},
		ArtifactReference: image.Digest.String(),
	})
	if err != nil {
		t.Fatal(err)
	}
	signatures := referrers(t, reg, image)
	if len(signatures) != 2 {
		t.Fatalf("signatures: got %d, want 2", len(signatures))
	}
	signatures = slices.DeleteFunc(signatures, func(d ocispec.Descriptor) bool { return d.Digest == ours.Digest })
	want, got := manifest(t, reg, signatures[0].Digest), manifest(t, reg, ours.Digest)
	for _, m := range []*ocispec.Manifest{&want, &got} {
		m.Layers[0].Digest, m.Layers[0].Size = "", 0
		delete(m.Annotations, ocispec.AnnotationCreated)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest (-notation +ours):\n%s", diff)
	}
}

func registryWithImage(t *testing.T, o registrytest.Options) (*registrytest.Registry, ocispec.Descriptor) {
	t.Helper()
	reg := registrytest.Start(t, o)
	image, err := reg.PushImage(t.Context(), "app", "v1")
	if err != nil {
		t.Fatal(err)
	}
	return reg, image
}

func remoteRepository(t *testing.T, reg *registrytest.Registry) *remote.Repository {
	t.Helper()
	repo, err := remote.NewRepository(reg.Host() + "/app")
	if err != nil {
		t.Fatal(err)
	}
	repo.PlainHTTP = true
	return repo
}

func verifyRemote(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor, ca *signtest.CA) error {
	t.Helper()
	verifier := trust{ca: []*x509.Certificate{ca.Cert}}.verifier(t)
	_, _, err := notation.Verify(t.Context(), verifier, notationregistry.NewRepository(remoteRepository(t, reg)), notation.VerifyOptions{
		ArtifactReference:    reg.Reference("app", image.Digest),
		MaxSignatureAttempts: 10,
	})
	return err
}

func referrers(t *testing.T, reg *registrytest.Registry, image ocispec.Descriptor) (descs []ocispec.Descriptor) {
	t.Helper()
	err := remoteRepository(t, reg).Referrers(t.Context(), image, signtest.ArtifactType, func(page []ocispec.Descriptor) error {
		descs = append(descs, page...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return descs
}

func manifest(t *testing.T, reg *registrytest.Registry, d digest.Digest) (m ocispec.Manifest) {
	t.Helper()
	_, content, err := reg.Manifest(t.Context(), "app", d)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
