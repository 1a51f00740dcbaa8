// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// image is one image of the demo and what should be said of it.
type image struct {
	reference string
	about     string
	admitted  bool
	code      string // why not; "" if admitted
}

// shelf is the registry with its images.
type shelf struct {
	registry *registrytest.Registry
	trust    map[string]any // the trust documents of those who may sign, by the scope they may sign in
	images   []image
}

// signers of the demo. Those of Notation call themselves the same, and only one is
// trusted; of Cosign a key and a workflow are trusted.
type signers struct {
	release, stranger *signtest.Signer
	key, workflow     *sigstore.Signer
}

// stock starts a registry and fills it.
func stock(ctx context.Context) (*shelf, error) {
	registry, err := registrytest.New(registrytest.Options{})
	if err != nil {
		return nil, err
	}
	ca, err := signtest.NewCA(signtest.CAOptions{CommonName: "Acme root", Intermediates: 1})
	if err != nil {
		return nil, err
	}
	other, err := signtest.NewCA(signtest.CAOptions{CommonName: "Stranger root"})
	if err != nil {
		return nil, err
	}
	var s signers
	if s.release, err = ca.Leaf(signtest.LeafOptions{}); err != nil {
		return nil, err
	}
	if s.stranger, err = other.Leaf(signtest.LeafOptions{}); err != nil {
		return nil, err
	}
	instance, err := sigstore.NewInstance(sigstore.InstanceOptions{})
	if err != nil {
		return nil, err
	}
	if s.key, err = sigstore.NewKey(sigstore.KeyOptions{}); err != nil {
		return nil, err
	}
	if s.workflow, err = instance.Certify(sigstore.GitHub("acme/app", "release.yml", "refs/heads/main")); err != nil {
		return nil, err
	}
	sh := &shelf{registry: registry, trust: map[string]any{
		"*":                         ca.TrustDocument(s.release.Identity()),
		registry.Host() + "/cosign": s.key.TrustDocument(),
		registry.Host() + "/github": instance.TrustDocument(s.workflow.Identity()),
	}}
	for _, put := range goods() {
		if err := put.put(ctx, registry, put.name, s); err != nil {
			return nil, err
		}
		sh.images = append(sh.images, image{registry.Host() + "/" + put.name + ":v1", put.about, put.code == "", put.code})
	}
	return sh, nil
}

// good is one image and how it gets its signature.
type good struct {
	name, about, code string
	put               func(ctx context.Context, r *registrytest.Registry, repo string, s signers) error
}

func goods() []good {
	return []good{
		{"signed-jws", "signed, JWS envelope", "", signed(signtest.SignOptions{Format: signtest.JWS})},
		{"signed-cose", "signed, COSE envelope", "", signed(signtest.SignOptions{Format: signtest.COSE})},
		{"multi-arch", "a signed index of two platforms", "", index},
		{"stranger", "signed by somebody else", "untrusted_certificate", byStranger},
		{"expired", "the signature has expired", "expired", signed(signtest.SignOptions{
			SigningTime: time.Now().Add(-48 * time.Hour), Expiry: 24 * time.Hour,
		})},
		{"tampered", "the payload was changed after signing", "invalid_signature", tampered},
		{"copied", "a good signature of another image", "subject_mismatch", copied},
		{"cosign/bundle", "signed by a Cosign key, bundle v0.3", "", cosigned(sigstore.SignOptions{Layout: sigstore.Bundle})},
		{"cosign/tag", "signed by a Cosign key, .sig tag", "", cosigned(sigstore.SignOptions{Layout: sigstore.Tag})},
		{"github/app", "signed by a GitHub workflow", "", keyless},
		{"cosign/attested", "only attested by the Cosign key", "no_signature", cosigned(sigstore.SignOptions{PredicateType: "https://slsa.dev/provenance/v1"})},
		{"unsigned", "no signature", "no_signature", unsigned},
	}
}

func signed(o signtest.SignOptions) func(context.Context, *registrytest.Registry, string, signers) error {
	return func(ctx context.Context, r *registrytest.Registry, repo string, s signers) error {
		subject, err := r.PushImage(ctx, repo, "v1")
		if err != nil {
			return err
		}
		_, err = s.release.SignAndAttach(ctx, r, repo, subject, o)
		return err
	}
}

func cosigned(o sigstore.SignOptions) func(context.Context, *registrytest.Registry, string, signers) error {
	return func(ctx context.Context, r *registrytest.Registry, repo string, s signers) error {
		subject, err := r.PushImage(ctx, repo, "v1")
		if err != nil {
			return err
		}
		_, err = s.key.SignAndAttach(ctx, r, repo, subject, o)
		return err
	}
}

func keyless(ctx context.Context, r *registrytest.Registry, repo string, s signers) error {
	s.key = s.workflow
	return cosigned(sigstore.SignOptions{})(ctx, r, repo, s)
}

func index(ctx context.Context, r *registrytest.Registry, repo string, s signers) error {
	subject, _, err := r.PushIndex(ctx, repo, "v1", "linux/amd64", "linux/arm64")
	if err != nil {
		return err
	}
	_, err = s.release.SignAndAttach(ctx, r, repo, subject, signtest.SignOptions{})
	return err
}

func byStranger(ctx context.Context, r *registrytest.Registry, repo string, s signers) error {
	return signed(signtest.SignOptions{})(ctx, r, repo, signers{release: s.stranger})
}

func tampered(ctx context.Context, r *registrytest.Registry, repo string, s signers) error {
	return attach(ctx, r, repo, s, nil, signtest.FlipPayload)
}

func copied(ctx context.Context, r *registrytest.Registry, repo string, s signers) error {
	other, err := r.PushImage(ctx, "other", "v1")
	if err != nil {
		return err
	}
	return attach(ctx, r, repo, s, &other, func(e signtest.Envelope) (signtest.Envelope, error) { return e, nil })
}

func unsigned(ctx context.Context, r *registrytest.Registry, repo string, _ signers) error {
	_, err := r.PushImage(ctx, repo, "v1")
	return err
}

// attach signs target (nil: the image itself), changes the envelope and attaches
// it to the image.
func attach(ctx context.Context, r *registrytest.Registry, repo string, s signers, target *ocispec.Descriptor, change func(signtest.Envelope) (signtest.Envelope, error)) error {
	subject, err := r.PushImage(ctx, repo, "v1")
	if err != nil {
		return err
	}
	if target == nil {
		target = &subject
	}
	envelope, err := s.release.Sign(ctx, *target, signtest.SignOptions{})
	if err != nil {
		return err
	}
	if envelope, err = change(envelope); err != nil {
		return err
	}
	_, err = signtest.Attach(ctx, r, repo, subject, envelope)
	return err
}
