// SPDX-License-Identifier: Apache-2.0

// Package verify is step 5 of the flow: [Engine.Verify] takes an image and a
// trust document through parse, resolve, list, fetch and verify to a report.
//
// The package knows the order of the steps and what a failure at each step
// means. It knows no signature format: those are the packages below it, which
// get bytes and return findings, and never dial.
package verify

import (
	"context"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// Evidence is one signature manifest with its blobs, and what it must vouch for.
type Evidence struct {
	// Subject has the digest the signature must be for. Required.
	Subject reference.Reference
	// Descriptor is the signature manifest as it is listed among the referrers.
	Descriptor ocispec.Descriptor
	// Manifest is the signature manifest, parsed after its digest was checked.
	Manifest ocispec.Manifest
	// Blobs are digest-checked, in the order in which Envelopes asked for them.
	Blobs [][]byte
	// Annotations are demanded of the signature by the request.
	Annotations map[string]string
}

// Judge is what verifiers and attesters have in common: which evidence of one
// format they understand, and whether a trust document wants it.
type Judge interface {
	// Format names the format in reports.
	Format() string
	// Accepts reports whether doc trusts this format at all. What counts is
	// fixed by the trust document, never by what the registry offers.
	Accepts(doc *trust.Document) bool
	// Applies returns nil if doc has something to say about ref, and otherwise
	// why nothing attached to it can count. It is asked before any network.
	Applies(ref reference.Reference, doc *trust.Document) *report.Error
}

// Verifier checks signatures of one format: bytes in, findings out. It may be
// called concurrently.
type Verifier interface {
	Judge
	// ArtifactTypes lists the artifact types of the referrers it understands.
	ArtifactTypes() []string
	// Tags lists tags beside the subject that may hold its signatures.
	Tags(subject digest.Digest) []string
	// Skip reports that a referrer says of itself that it is no signature; it is
	// then neither fetched nor reported.
	Skip(desc ocispec.Descriptor) bool
	// Envelopes names the blobs of a signature manifest that Verify needs.
	Envelopes(m ocispec.Manifest) ([]ocispec.Descriptor, *report.Error)
	// Verify judges the signatures of one manifest: one, several (a .sig tag) or
	// none (an attestation is no signature). A bad signature is a finding.
	Verify(ctx context.Context, e Evidence, doc *trust.Document) []report.Signature
}

// Attester checks in-toto statements of one format. It may be called
// concurrently.
type Attester interface {
	Judge
	// AttestationTypes lists the artifact types of the referrers it understands.
	AttestationTypes() []string
	// AttestationTags lists tags beside the subject that may hold attestations.
	AttestationTags(subject digest.Digest) []string
	// OtherType returns the predicate type that a referrer says of itself, if it is
	// another; it is then neither fetched nor judged. "" if it may be this one.
	OtherType(desc ocispec.Descriptor, predicateType string) string
	// AttestationEnvelopes names the blobs that VerifyAttestations needs.
	AttestationEnvelopes(m ocispec.Manifest) ([]ocispec.Descriptor, *report.Error)
	// VerifyAttestations judges the statements of one manifest that have exactly
	// this predicate type. Of the others it returns the types, as somebody wrote
	// them: nothing about those is verified.
	VerifyAttestations(ctx context.Context, e Evidence, predicateType string, doc *trust.Document) (all []report.Attestation, others []string)
}

// Blob is a detached signature and what it must vouch for; no registry is asked.
type Blob struct {
	// Digest of what was signed. Required.
	Digest digest.Digest
	// Bytes are what was signed, if the caller has them. Nil: only the digest is
	// known, which some signatures cannot be verified against.
	Bytes []byte
	// Envelope is the detached signature. Required.
	Envelope []byte
	// Annotations are demanded of the signature. Nil: none.
	Annotations map[string]string
	// Policy names the statement of a Notary trust policy to judge by: a blob has
	// no repository that a scope could match. "": the statement of scope "*".
	Policy string
	// PredicateType asks for a statement of exactly this type about the blob
	// instead of a signature of it. "": a signature.
	PredicateType string
}

// BlobVerifier checks detached signatures of one format.
type BlobVerifier interface {
	Judge
	// Recognises reports whether an envelope is of this format.
	Recognises(envelope []byte) bool
	// VerifyBlob judges one detached signature.
	VerifyBlob(ctx context.Context, b Blob, doc *trust.Document) report.Signature
}

// BlobAttester checks detached statements about a blob.
type BlobAttester interface {
	BlobVerifier
	// VerifyBlobAttestation judges one statement, which must be of the blob's
	// PredicateType.
	VerifyBlobAttestation(ctx context.Context, b Blob, doc *trust.Document) report.Attestation
}
