// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// reading is one way to read evidence: as the signatures of one format, or as
// its statements of one predicate type. The steps before it are the same.
type reading struct {
	format    string
	what      string // "signature", "attestation"
	types     []string
	tags      func(digest.Digest) []string
	skip      func(ocispec.Descriptor) bool
	envelopes func(ocispec.Manifest) ([]ocispec.Descriptor, *report.Error)
	judge     func(context.Context, Evidence, *trust.Document) []report.Attestation
}

// signatures reads evidence as v does.
func signatures(v Verifier) reading {
	return reading{
		format: v.Format(), what: "signature", types: v.ArtifactTypes(), tags: v.Tags, skip: v.Skip, envelopes: v.Envelopes,
		judge: func(ctx context.Context, e Evidence, doc *trust.Document) []report.Attestation {
			var all []report.Attestation
			for _, s := range v.Verify(ctx, e, doc) {
				all = append(all, report.Attestation{Signature: s})
			}
			return all
		},
	}
}

// statements reads evidence as a does, for one predicate type.
func statements(a Attester, predicateType string) reading {
	return reading{
		format: a.Format(), what: "attestation", types: a.AttestationTypes(), tags: a.AttestationTags,
		skip:      func(d ocispec.Descriptor) bool { return a.SkipAttestation(d, predicateType) },
		envelopes: a.AttestationEnvelopes,
		judge: func(ctx context.Context, e Evidence, doc *trust.Document) []report.Attestation {
			return a.VerifyAttestations(ctx, e, predicateType, doc)
		},
	}
}

// plain drops what only attestations have.
func plain(all []report.Attestation) []report.Signature {
	var signatures []report.Signature
	for _, a := range all {
		signatures = append(signatures, a.Signature)
	}
	return signatures
}
