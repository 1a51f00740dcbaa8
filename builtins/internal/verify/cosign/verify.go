// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

// Verify judges the signatures of one manifest: every simple signing layer and
// every bundle that is a signature. Statements of other predicate types are left
// out. Whatever is wrong with a signature is a finding; it does not panic.
func (v *Verifier) Verify(_ context.Context, e verify.Evidence, doc *trust.Document) []report.Signature {
	wanted, refused := v.Envelopes(e.Manifest)
	if refused = orElse(refused, v.admit(e, wanted, doc)); refused != nil {
		return []report.Signature{reject(blank(e), refused)}
	}
	if len(wanted) == 0 {
		return []report.Signature{reject(blank(e), finding(report.EmptySignature, "the signature manifest has no layer of media type %s and no Sigstore bundle", MediaTypeSimpleSigning))}
	}
	var all []report.Signature
	for i, layer := range wanted {
		a, is, _ := v.one(e, layer, e.Blobs[i], doc, signatures())
		if is {
			all = append(all, a.Signature)
		}
	}
	return all
}

// VerifyAttestations judges the statements of one manifest that have exactly
// this predicate type, and returns the types of the others. Signatures are left
// out.
func (v *Verifier) VerifyAttestations(_ context.Context, e verify.Evidence, predicateType string, doc *trust.Document) (all []report.Attestation, others []string) {
	wanted, refused := v.AttestationEnvelopes(e.Manifest)
	if refused = orElse(refused, v.admit(e, wanted, doc)); refused != nil {
		return []report.Attestation{{PredicateType: predicateType, Signature: reject(blank(e), refused)}}, nil
	}
	for i, layer := range wanted {
		a, is, says := v.one(e, layer, e.Blobs[i], doc, attestation(predicateType))
		switch {
		case is:
			all = append(all, a)
		case says != "" && says != PredicateSign:
			others = append(others, says)
		}
	}
	return all, others
}

// VerifyBlob judges a detached Sigstore bundle over a digest or bytes. A
// statement counts if it is a signature, [PredicateSign].
func (v *Verifier) VerifyBlob(_ context.Context, b verify.Blob, doc *trust.Document) report.Signature {
	return v.blob(b, signatures(), maxSignature, doc).Signature
}

// VerifyBlobAttestation judges a Sigstore bundle that holds a statement of type
// b.PredicateType about b.Digest.
func (v *Verifier) VerifyBlobAttestation(_ context.Context, b verify.Blob, doc *trust.Document) report.Attestation {
	return v.blob(b, attestation(b.PredicateType), maxAttestation, doc)
}

func (v *Verifier) blob(b verify.Blob, k kind, maxBytes int, doc *trust.Document) report.Attestation {
	s := report.Signature{Format: Format, Digest: digest.FromBytes(b.Envelope).String()}
	if doc.Cosign() == nil {
		return report.Attestation{PredicateType: b.PredicateType, Signature: reject(s, &report.Error{
			Code: report.NoTrustPolicy, Message: "the trust document has no cosign part", Stage: report.StageTrust,
		})}
	}
	w := wanted{kind: k, subject: subjectOf(b), annotations: b.Annotations, bytes: b.Bytes}
	return v.protected(s, w, func() (*signed, *report.Error) { return readBundle(b.Envelope, maxBytes) }, doc)
}

// Recognises reports whether an envelope is a Sigstore bundle.
func (*Verifier) Recognises(envelope []byte) bool {
	return len(envelope) <= maxAttestation && isBundle(mediaTypeOf(envelope))
}

// admit checks what needs no cryptography.
func (v *Verifier) admit(e verify.Evidence, wanted []ocispec.Descriptor, doc *trust.Document) *report.Error {
	if refused := v.Applies(e.Subject, doc); refused != nil {
		return refused
	}
	m := e.Manifest
	switch {
	case len(wanted) != len(e.Blobs):
		return malformed("the manifest has %d envelopes, and %d blobs are there", len(wanted), len(e.Blobs))
	case m.Subject != nil && m.Subject.Digest != e.Subject.Digest:
		return finding(report.SubjectMismatch, "the manifest names the subject %s, not %s", report.OneLine(m.Subject.Digest.String()), e.Subject.Digest)
	}
	return nil
}

// one judges one layer. It reports false if the layer is well-formed and not of
// the wanted kind, and which predicate type it says it is of.
func (v *Verifier) one(e verify.Evidence, layer ocispec.Descriptor, blob []byte, doc *trust.Document, k kind) (a report.Attestation, ours bool, says string) {
	w := wanted{kind: k, subject: digests{e.Subject.Digest}, annotations: e.Annotations}
	ours = true
	a = v.protected(blank(e), w, func() (*signed, *report.Error) {
		s, refused := readLayer(layer, blob, k)
		if refused == nil {
			ours, says = k.covers(s.claims), s.claims.predicateType
		}
		return s, refused
	}, doc)
	return a, ours, says
}

// protected reads and judges. A panic of a parser below is a finding about the
// bytes that made it panic.
func (v *Verifier) protected(s report.Signature, w wanted, read func() (*signed, *report.Error), doc *trust.Document) (a report.Attestation) {
	defer func() {
		if r := recover(); r != nil {
			a = report.Attestation{PredicateType: w.kind.predicateType, Signature: reject(s, finding(report.Internal, "verifying the signature panicked: %s; please report this", report.OneLine(fmt.Sprint(r))))}
		}
	}()
	signed, refused := read()
	if refused != nil {
		return report.Attestation{PredicateType: w.kind.predicateType, Signature: reject(s, refused)}
	}
	j := judgement{verifier: v, trust: doc.Cosign(), signed: signed, wanted: w}
	return j.report(s)
}

// blank is the report of a signature nobody has looked at.
func blank(e verify.Evidence) report.Signature {
	return report.Signature{Format: Format, ArtifactType: artifactType(e), Digest: e.Descriptor.Digest.String()}
}

func artifactType(e verify.Evidence) string {
	for _, t := range []string{e.Descriptor.ArtifactType, e.Manifest.ArtifactType} {
		if t != "" {
			return t
		}
	}
	return e.Manifest.Config.MediaType
}

func reject(s report.Signature, reason *report.Error) report.Signature {
	s.Errors = append([]report.Error{}, *reason)
	return s
}

func orElse(a, b *report.Error) *report.Error {
	if a != nil {
		return a
	}
	return b
}
