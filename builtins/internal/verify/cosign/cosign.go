// SPDX-License-Identifier: Apache-2.0

// Package cosign judges Cosign and Sigstore signatures and attestations: bytes
// in, findings out.
//
// Whatever the encoding (simple signing in a .sig tag or a referrer, DSSE in a
// .att tag or a referrer, a Sigstore bundle v0.1 to v0.3), it becomes one
// [signed]: sigstore-go's bundle, and what its payload claims. A judgement then
// takes it through the checks in order:
//
//	integrity ─▶ transparency ─▶ signed_timestamp ─▶ key, or certificate ─▶ sct ─▶ identity ─▶ subject ─▶ annotations
//
// Each is a function of sigstore-go, or a comparison; each has its own line in
// the report and its own codes. Which kind of evidence counts is the trust
// document's word: a key or certificate that comes with a signature is a hint
// about who made it and never says who may.
//
// A signature is a simple signing payload, or a statement of predicate type
// [PredicateSign]. Any other statement is an attestation, by whomever it is
// signed.
//
// Nothing here dials: there is no online lookup in a log, and trusted roots come
// with the trust document.
//
// Spec: Cosign signature specification; Sigstore bundle (protobuf-specs v0.5);
// Sigstore client specification; in-toto attestation framework v1.
package cosign

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// Format is the name of the format in reports.
const Format = "cosign"

// PredicateSign is the predicate type of statements that are signatures.
const PredicateSign = "https://sigstore.dev/cosign/sign/v1"

// The artifact types of referrers.
const (
	ArtifactTypeSignature   = "application/vnd.dev.cosign.artifact.sig.v1+json"
	ArtifactTypeAttestation = "application/vnd.dev.cosign.artifact.att.v1+json"
)

// The media types of layers. Attestations in legacy form are also found under
// the artifact type [MediaTypeStatement].
const (
	MediaTypeSimpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	MediaTypeEnvelope      = "application/vnd.dsse.envelope.v1+json"
	MediaTypeStatement     = "application/vnd.in-toto+json"
)

// Annotations of a referrer that is a Sigstore bundle.
const annotationPredicateType = "dev.sigstore.bundle.predicateType"

// bundleTypes are the media types of Sigstore bundles, and the artifact types of
// the referrers that hold them.
func bundleTypes() []string {
	return []string{
		"application/vnd.dev.sigstore.bundle.v0.3+json",
		"application/vnd.dev.sigstore.bundle+json;version=0.3",
		"application/vnd.dev.sigstore.bundle+json;version=0.2",
		"application/vnd.dev.sigstore.bundle+json;version=0.1",
	}
}

// Options configure a [Verifier]. The zero value is ready.
type Options struct {
	// Now is the clock by which keys are valid whose signatures have no proof of
	// when they were made. Nil: time.Now.
	Now func() time.Time
}

// Verifier judges Cosign and Sigstore signatures and attestations. It may be
// shared between goroutines.
type Verifier struct {
	now func() time.Time
}

// New returns a verifier.
func New(o Options) *Verifier {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Verifier{now: o.Now}
}

// Format returns "cosign".
func (*Verifier) Format() string { return Format }

// Accepts reports whether doc has a cosign part.
func (*Verifier) Accepts(doc *trust.Document) bool { return doc.Cosign() != nil }

// Applies returns nil if doc has a cosign part: it applies to every image.
func (*Verifier) Applies(_ reference.Reference, doc *trust.Document) *report.Error {
	if doc.Cosign() == nil {
		return &report.Error{Code: report.NoTrustPolicy, Message: "the trust document has no cosign part", Stage: report.StageTrust}
	}
	return nil
}

// ArtifactTypes returns the artifact types of referrers that may be signatures.
func (*Verifier) ArtifactTypes() []string { return append(bundleTypes(), ArtifactTypeSignature) }

// Tags returns the tag beside the subject that holds simple signing signatures.
//
// Spec: Cosign signature specification, "Tag-based Discovery".
func (*Verifier) Tags(subject digest.Digest) []string { return []string{tagOf(subject, "sig")} }

// Skip reports that a bundle says it is a statement of another predicate type.
func (*Verifier) Skip(desc ocispec.Descriptor) bool {
	says := desc.Annotations[annotationPredicateType]
	return says != "" && says != PredicateSign
}

// Envelopes names the layers of a manifest that may be signatures.
func (*Verifier) Envelopes(m ocispec.Manifest) ([]ocispec.Descriptor, *report.Error) {
	return layers(m, maxSignature, MediaTypeSimpleSigning)
}

// AttestationTypes returns the artifact types of referrers that may be
// attestations.
func (*Verifier) AttestationTypes() []string {
	return append(bundleTypes(), ArtifactTypeAttestation, MediaTypeStatement)
}

// AttestationTags returns the tag beside the subject that holds attestations.
func (*Verifier) AttestationTags(subject digest.Digest) []string {
	return []string{tagOf(subject, "att")}
}

// OtherType returns the predicate type that a bundle says it is of, if that is
// another. What says [PredicateSign] is looked at: cosign v2.6 writes that on
// some attestations too.
func (*Verifier) OtherType(desc ocispec.Descriptor, predicateType string) string {
	says := desc.Annotations[annotationPredicateType]
	if says == PredicateSign || says == predicateType {
		return ""
	}
	return says
}

// AttestationEnvelopes names the layers of a manifest that may be attestations.
func (*Verifier) AttestationEnvelopes(m ocispec.Manifest) ([]ocispec.Descriptor, *report.Error) {
	return layers(m, maxAttestation, MediaTypeEnvelope)
}

func tagOf(subject digest.Digest, suffix string) string {
	return fmt.Sprintf("%s-%s.%s", subject.Algorithm(), subject.Encoded(), suffix)
}

// layers returns the layers that are bundles or of the legacy media type.
func layers(m ocispec.Manifest, maxBytes int64, legacy string) ([]ocispec.Descriptor, *report.Error) {
	if len(m.Layers) > maxLayers {
		return nil, overLimit(report.TooMany, "the manifest has %d layers; at most %d are read", len(m.Layers), maxLayers)
	}
	var wanted []ocispec.Descriptor
	for _, l := range m.Layers {
		switch {
		case l.MediaType != legacy && !isBundle(l.MediaType):
			continue
		case l.Size < 0:
			return nil, malformed("a layer of the manifest has size %d", l.Size)
		case l.Size > maxBytes:
			return nil, overLimit(report.TooLarge, "a layer of the manifest has %d bytes; at most %d are read", l.Size, maxBytes)
		}
		wanted = append(wanted, l)
	}
	return wanted, nil
}

func isBundle(mediaType string) bool {
	return slices.Contains(bundleTypes(), strings.ReplaceAll(mediaType, "; ", ";"))
}
