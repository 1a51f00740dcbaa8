// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// Attach pushes the manifest that cosign would push for sig, after edits, and answers
// its descriptor. A signature with layout Tag replaces the ones that are under the tag;
// [AttachAll] pushes several together.
//
// Spec: cosign specs/BUNDLE_SPEC.md and specs/SIGNATURE_SPEC.md, "Storage".
func Attach(ctx context.Context, r *registrytest.Registry, repo string, subject ocispec.Descriptor, sig *Signature, edits ...signtest.Edit) (ocispec.Descriptor, error) {
	return AttachAll(ctx, r, repo, subject, []*Signature{sig}, edits...)
}

// AttachAll is [Attach] for several signatures in one manifest, of the layout of the
// first. cosign does so under tags; a manifest with several bundles is malformed.
func AttachAll(ctx context.Context, r *registrytest.Registry, repo string, subject ocispec.Descriptor, sigs []*Signature, edits ...signtest.Edit) (ocispec.Descriptor, error) {
	draft, err := newDraft(subject, sigs)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	for _, edit := range edits {
		edit(draft)
	}
	manifest, err := json.Marshal(draft.Manifest)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("encode manifest: %w", err)
	}
	return r.PushManifest(ctx, repo, sigs[0].tag(subject.Digest), ocispec.MediaTypeImageManifest, manifest, draft.Blobs...)
}

// SignAndAttach signs subject and attaches the signature to it.
func (s *Signer) SignAndAttach(ctx context.Context, r *registrytest.Registry, repo string, subject ocispec.Descriptor, o SignOptions, edits ...signtest.Edit) (ocispec.Descriptor, error) {
	o.Reference = cmp.Or(o.Reference, r.Host()+"/"+repo)
	sig, err := s.Sign(subject, o)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return Attach(ctx, r, repo, subject, sig, edits...)
}

// tag is where the manifest of sig is kept; empty: it is a referrer.
func (sig *Signature) tag(subject digest.Digest) string {
	switch {
	case sig.Layout != Tag:
		return ""
	case sig.PayloadType == "":
		return registrytest.ReferrersTag(subject) + ".sig"
	default:
		return registrytest.ReferrersTag(subject) + ".att"
	}
}

func newDraft(subject ocispec.Descriptor, sigs []*Signature) (*signtest.Draft, error) {
	draft := &signtest.Draft{Manifest: ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Layers:    []ocispec.Descriptor{},
	}}
	for _, sig := range sigs {
		layer, blob, err := sig.layer()
		if err != nil {
			return nil, err
		}
		draft.Manifest.Layers = append(draft.Manifest.Layers, layer)
		draft.Blobs = append(draft.Blobs, blob)
	}
	first := sigs[0]
	if first.Layout != Tag {
		draft.Manifest.Subject = &ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
		draft.Manifest.ArtifactType = first.artifactType()
		draft.Manifest.Annotations = first.manifestAnnotations()
	}
	config, blob, err := first.config(draft.Manifest.Layers)
	if err != nil {
		return nil, err
	}
	draft.Manifest.Config = config
	draft.Blobs = append(draft.Blobs, blob)
	return draft, nil
}

// Artifact types of referrers that hold no bundle.
const (
	ArtifactTypeSignature   = "application/vnd.dev.cosign.artifact.sig.v1+json"
	ArtifactTypeAttestation = inTotoType
)

func (sig *Signature) artifactType() string {
	switch {
	case !sig.legacy():
		return sig.bundleType()
	case sig.PayloadType == "":
		return ArtifactTypeSignature
	default:
		return ArtifactTypeAttestation
	}
}

// manifestAnnotations tell a bundle's content without fetching it. Nothing of it is
// signed.
func (sig *Signature) manifestAnnotations() map[string]string {
	created := time.Now().UTC().Format(time.RFC3339)
	switch {
	case !sig.legacy() && sig.PayloadType == "":
		return map[string]string{
			ocispec.AnnotationCreated:     created,
			"dev.sigstore.bundle.content": "message-signature",
		}
	case !sig.legacy():
		return map[string]string{
			ocispec.AnnotationCreated:           created,
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": sig.PredicateType,
		}
	case sig.PayloadType != "":
		return map[string]string{ocispec.AnnotationCreated: created}
	default:
		return nil
	}
}

// config is the config of a manifest: of an image without content under tags and for
// signatures of cosign v2, empty otherwise.
func (sig *Signature) config(layers []ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	if !sig.legacy() || sig.artifactType() == ArtifactTypeAttestation && sig.Layout == Referrer {
		empty := []byte("{}")
		desc := describe(ocispec.MediaTypeEmptyJSON, empty)
		desc.ArtifactType = sig.artifactType()
		return desc, empty, nil
	}
	image := ocispec.Image{RootFS: ocispec.RootFS{Type: "layers"}}
	for _, layer := range layers {
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, layer.Digest)
	}
	raw, err := json.Marshal(image)
	if err != nil {
		return ocispec.Descriptor{}, nil, fmt.Errorf("encode config: %w", err)
	}
	mediaType := ocispec.MediaTypeImageConfig
	if sig.Layout == Referrer {
		mediaType = ArtifactTypeSignature
	}
	return describe(mediaType, raw), raw, nil
}

func describe(mediaType string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: mediaType,
		Digest:    digest.FromBytes(content),
		Size:      int64(len(content)),
	}
}
