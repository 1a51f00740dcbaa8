// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// ArtifactType is the artifact type of signature manifests.
const ArtifactType = "application/vnd.cncf.notary.signature"

const annotationThumbprints = "io.cncf.notary.x509chain.thumbprint#S256"

// Draft is a signature manifest before it is pushed, with the blobs to push along.
type Draft struct {
	Manifest ocispec.Manifest
	Blobs    [][]byte
}

// Edit makes a signature manifest malformed.
type Edit func(*Draft)

// TwoLayers adds a second envelope; the specification wants exactly one.
func TwoLayers(second Envelope) Edit {
	return func(d *Draft) {
		d.Manifest.Layers = append(d.Manifest.Layers, describe(second))
		d.Blobs = append(d.Blobs, second.Bytes)
	}
}

// NoLayer removes the envelope.
func NoLayer() Edit {
	return func(d *Draft) { d.Manifest.Layers = []ocispec.Descriptor{} }
}

// WrongSubject attaches the signature to another manifest than the one it signs.
func WrongSubject(subject ocispec.Descriptor) Edit {
	return func(d *Draft) { d.Manifest.Subject = &subject }
}

// NoSubject attaches the signature to nothing.
func NoSubject() Edit {
	return func(d *Draft) { d.Manifest.Subject = nil }
}

// InlineData puts data into the layer's descriptor, true or not; readers that take it
// must check it against the digest.
func InlineData(data []byte) Edit {
	return func(d *Draft) { d.Manifest.Layers[0].Data = data }
}

// WrongLayerType changes the media type of the envelope's layer.
func WrongLayerType(mediaType string) Edit {
	return func(d *Draft) { d.Manifest.Layers[0].MediaType = mediaType }
}

// LayerSize makes the manifest lie about the size of the envelope, in bytes.
func LayerSize(size int64) Edit {
	return func(d *Draft) { d.Manifest.Layers[0].Size = size }
}

// MissingBlob names an envelope that is not pushed.
func MissingBlob() Edit {
	return func(d *Draft) { d.Blobs = d.Blobs[:1] }
}

// Attach pushes the signature manifest that notation would push for env, after edits,
// and answers its descriptor.
//
// Spec: Notary Project signature specification v1.1.0, "Storage".
func Attach(ctx context.Context, r *registrytest.Registry, repo string, subject ocispec.Descriptor, env Envelope, edits ...Edit) (ocispec.Descriptor, error) {
	config := []byte("{}")
	draft := &Draft{
		Manifest: ocispec.Manifest{
			Versioned:   specs.Versioned{SchemaVersion: 2},
			MediaType:   ocispec.MediaTypeImageManifest,
			Config:      describe(Envelope{MediaType: ArtifactType, Bytes: config}),
			Layers:      []ocispec.Descriptor{describe(env)},
			Subject:     &ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
			Annotations: annotations(env),
		},
		Blobs: [][]byte{config, env.Bytes},
	}
	for _, edit := range edits {
		edit(draft)
	}
	manifest, err := json.Marshal(draft.Manifest)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("encode signature manifest: %w", err)
	}
	return r.PushManifest(ctx, repo, "", ocispec.MediaTypeImageManifest, manifest, draft.Blobs...)
}

// SignAndAttach signs subject and attaches the signature to it.
func (s *Signer) SignAndAttach(ctx context.Context, r *registrytest.Registry, repo string, subject ocispec.Descriptor, o SignOptions, edits ...Edit) (ocispec.Descriptor, error) {
	env, err := s.Sign(ctx, subject, o)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return Attach(ctx, r, repo, subject, env, edits...)
}

// annotations are those of notation: the certificates' thumbprints and the signing
// time. An envelope that cannot be read, because it was tampered with, has neither.
func annotations(env Envelope) map[string]string {
	parsed, err := signature.ParseEnvelope(env.MediaType, env.Bytes)
	if err != nil {
		return nil
	}
	content, err := parsed.Content()
	if err != nil {
		return nil
	}
	return map[string]string{
		annotationThumbprints:     thumbprints(content.SignerInfo.CertificateChain),
		ocispec.AnnotationCreated: content.SignerInfo.SignedAttributes.SigningTime.UTC().Format(time.RFC3339),
	}
}

// thumbprints is a JSON array of SHA-256 sums in hex, in the order of the chain.
func thumbprints(chain []*x509.Certificate) string {
	var sums []string
	for _, cert := range chain {
		sum := sha256.Sum256(cert.Raw)
		sums = append(sums, hex.EncodeToString(sum[:]))
	}
	encoded, err := json.Marshal(sums)
	if err != nil {
		panic(err) // strings only
	}
	return string(encoded)
}

func describe(env Envelope) ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: env.MediaType,
		Digest:    digest.FromBytes(env.Bytes),
		Size:      int64(len(env.Bytes)),
	}
}
