// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"slices"
	"strconv"

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
	skip      func(ocispec.Descriptor) (skip bool, other string)
	envelopes func(ocispec.Manifest) ([]ocispec.Descriptor, *report.Error)
	judge     func(context.Context, Evidence, *trust.Document) (all []report.Attestation, others []string)
}

// signatures reads evidence as v does.
func signatures(v Verifier) reading {
	return reading{
		format: v.Format(), what: "signature", types: v.ArtifactTypes(), tags: v.Tags, envelopes: v.Envelopes,
		skip: func(d ocispec.Descriptor) (skip bool, other string) { return v.Skip(d), "" },
		judge: func(ctx context.Context, e Evidence, doc *trust.Document) (all []report.Attestation, others []string) {
			for _, s := range v.Verify(ctx, e, doc) {
				all = append(all, report.Attestation{Signature: s})
			}
			return all, nil
		},
	}
}

// statements reads evidence as a does, for one predicate type.
func statements(a Attester, predicateType string) reading {
	return reading{
		format: a.Format(), what: "attestation", types: a.AttestationTypes(), tags: a.AttestationTags,
		skip: func(d ocispec.Descriptor) (skip bool, other string) {
			other = a.OtherType(d, predicateType)
			return other != "", other
		},
		envelopes: a.AttestationEnvelopes,
		judge: func(ctx context.Context, e Evidence, doc *trust.Document) (all []report.Attestation, others []string) {
			all, others = a.VerifyAttestations(ctx, e, predicateType, doc)
			return all, quoted(others)
		},
	}
}

// maxTypes bounds the predicate types that are kept for a message, one more than
// [report.Listed] shows; maxType is what is kept of one, in bytes.
const maxTypes, maxType = 9, 128

// quoted makes strangers' predicate types fit for a message.
func quoted(types []string) []string {
	var words []string
	for _, t := range types {
		words = append(words, strconv.Quote(report.Clip(t, maxType)))
	}
	return distinct(words)
}

func distinct(words []string) []string {
	slices.Sort(words)
	words = slices.Compact(words)
	return words[:min(len(words), maxTypes)]
}

// plain drops what only attestations have.
func plain(all []report.Attestation) []report.Signature {
	var signatures []report.Signature
	for _, a := range all {
		signatures = append(signatures, a.Signature)
	}
	return signatures
}
