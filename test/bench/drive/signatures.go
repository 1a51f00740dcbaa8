// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// signed asks about new images with many signatures.
func signed(name string, by func(*world) []*signtest.Signer) scenario {
	return each(name, func(ctx context.Context, w *world) ([]string, error) {
		image, err := w.signedBy(ctx, by(w))
		return []string{image.digest}, err
	}, together)
}

// signedBy pushes an image with a signature by each of signers, which the registry
// lists in this order: it lists by digest, so each signature is made until its digest
// is greater than the one before, tried at a registry that nobody asks.
func (w *world) signedBy(ctx context.Context, signers []*signtest.Signer) (image, error) {
	desc, err := w.unsigned(ctx, known)
	if err != nil {
		return image{}, err
	}
	drafts, err := registrytest.New(registrytest.Options{})
	if err != nil {
		return image{}, err
	}
	defer drafts.Close()
	for i, signer := range signers {
		envelope, err := signer.Sign(ctx, desc, signtest.SignOptions{})
		if err != nil {
			return image{}, err
		}
		edit, err := placed(ctx, drafts, desc, envelope, i, len(signers))
		if err != nil {
			return image{}, err
		}
		if _, err := signtest.Attach(ctx, w.registry, known, desc, envelope, edit); err != nil {
			return image{}, err
		}
	}
	return w.image(known, desc), nil
}

// placed is an edit with which the manifest of envelope has the i-th of n equal shares
// of all digests.
func placed(ctx context.Context, drafts *registrytest.Registry, desc ocispec.Descriptor, envelope signtest.Envelope, i, n int) (signtest.Edit, error) {
	for nonce := 0; ; nonce++ {
		edit := func(d *signtest.Draft) { d.Manifest.Annotations["bench.nonce"] = fmt.Sprint(nonce) }
		signature, err := signtest.Attach(ctx, drafts, known, desc, envelope, edit)
		if err != nil {
			return nil, err
		}
		var first byte
		if _, err := fmt.Sscanf(signature.Digest.Encoded()[:2], "%02x", &first); err != nil {
			return nil, err
		}
		if int(first)*n/256 == i {
			return edit, nil
		}
	}
}
