// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// BlobRequest asks whether a detached signature over some bytes, an OPA bundle
// or a chart, is as Trust demands.
type BlobRequest struct {
	Blob

	// Trust says which signers count. Nil: nothing can be verified, and Untrusted
	// says why.
	Trust *trust.Document
	// Untrusted is the reason for a nil Trust.
	Untrusted error
}

// VerifyBlob reports on one detached signature. It asks no registry and needs
// no network beyond revocation answers. The report's Reference is empty, its
// Digest is the blob's.
func (e *Engine) VerifyBlob(ctx context.Context, req BlobRequest) *report.Report {
	r := &report.Report{Digest: req.Digest.String()}
	verifier, why := e.blobVerifier(req)
	if why != nil {
		r.Errors = []report.Error{*why}
		return r.Conclude()
	}
	faults := parallel(1, 1, func(int) {
		r.Attestations = []report.Attestation{judgeBlob(ctx, verifier, req)}
	})
	if faults[0] != nil {
		r.Errors = []report.Error{{Code: report.Internal, Stage: report.StageVerify, Unseen: true, Message: "internal fault: " + oneLine(faults[0])}}
		return r.Conclude()
	}
	r.Signatures = plain(r.Attestations)
	for _, s := range r.Signatures {
		if !s.Verified {
			r.Errors = append(r.Errors, s.Errors...)
			r.Errors = append(r.Errors, absences(req.Trust.AbsentFor(req.Policy))...)
		}
	}
	return r.Conclude()
}

func judgeBlob(ctx context.Context, v BlobVerifier, req BlobRequest) report.Attestation {
	if req.PredicateType == "" {
		return report.Attestation{Signature: v.VerifyBlob(ctx, req.Blob, req.Trust)}
	}
	if a, ok := v.(BlobAttester); ok {
		return a.VerifyBlobAttestation(ctx, req.Blob, req.Trust)
	}
	return report.Attestation{PredicateType: req.PredicateType, Signature: report.Signature{Format: v.Format(), Errors: []report.Error{{
		Code: report.UnsupportedFormat, Stage: report.StageVerify,
		Message: fmt.Sprintf("a %s envelope is a signature and holds no statement; leave predicate_type out", v.Format()),
	}}}}
}

// blobVerifier finds the one verifier that understands the envelope.
func (e *Engine) blobVerifier(req BlobRequest) (BlobVerifier, *report.Error) {
	if req.Trust == nil {
		why := &report.Error{Code: report.NoTrustPolicy, Stage: report.StageTrust, Message: `no trust document to judge by: pass one as "trust" in the request`}
		if req.Untrusted != nil {
			why.Message += " (" + oneLine(req.Untrusted) + ")"
		}
		return nil, why
	}
	for _, v := range e.options.Verifiers {
		b, ok := v.(BlobVerifier)
		if !ok || !b.Recognises(req.Envelope) {
			continue
		}
		if !b.Accepts(req.Trust) {
			return nil, &report.Error{Code: report.NoTrustPolicy, Stage: report.StageTrust, Message: fmt.Sprintf(
				"the envelope is of format %s, and the trust document has no %s part", b.Format(), b.Format())}
		}
		return b, nil
	}
	return nil, &report.Error{
		Code: report.UnsupportedFormat, Stage: report.StageVerify,
		Message: fmt.Sprintf("%s is neither a Sigstore bundle (JSON) nor a Notary envelope (JWS or COSE); "+
			"cosign writes a Sigstore bundle with --new-bundle-format, and since v3 always", called(req.Envelope)),
	}
}

// called names what is often taken for a Sigstore bundle.
func called(envelope []byte) string {
	var o map[string]json.RawMessage
	if json.Unmarshal(envelope, &o) != nil {
		return "the envelope"
	}
	switch {
	case o["payloadType"] != nil:
		return "a bare DSSE envelope"
	case o["base64Signature"] != nil:
		return "the bundle that cosign wrote before v3"
	case o["mediaType"] != nil:
		return "an envelope of media type " + report.OneLine(string(o["mediaType"]))
	}
	return "the envelope"
}
