// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"bytes"
	"encoding/asn1"
	"errors"

	"github.com/digitorus/timestamp"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	sigverify "github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// signedTimestamp: a timestamp authority of the trusted root saw the signature.
// If timestamps are only accepted, one that is missing or does not verify proves
// nothing and is no objection: the check is skipped.
//
// Spec: Sigstore client specification, "Timestamp"; RFC 3161.
func (j *judgement) signedTimestamp() *report.Error {
	if refused := j.admitTokens(); refused != nil {
		return refused
	}
	var errs []error
	verified, err := guarded(func() (verified []*root.Timestamp, err error) {
		verified, errs, err = sigverify.VerifySignedTimestamp(countersigned{j.signed.entity, j.signed.envelope}, j.material)
		return verified, err
	})
	if err != nil {
		return finding(report.InvalidTimestamp, "the signed timestamp cannot be read: %s", report.OneLine(err.Error()))
	}
	for _, t := range verified {
		j.times = append(j.times, t.Time)
	}
	if len(verified) > 0 {
		return nil
	}
	bad := j.badTimestamp(errors.Join(errs...))
	if j.trust.SignedTimestamp == trust.Accepted {
		j.excuse = bad.Message + "; the trust document accepts one and requires none"
		return nil
	}
	bad.Message += "; the trust document requires one by a timestamp authority of its trusted root"
	return bad
}

func (j *judgement) badTimestamp(said error) *report.Error {
	tokens, err := j.signed.entity.Timestamps()
	if err != nil || len(tokens) == 0 {
		return finding(report.MissingTimestamp, "it has no signed timestamp")
	}
	if !j.stamps(tokens[0]) {
		return finding(report.InvalidTimestamp, "the signed timestamp is damaged, or for another signature: %s", report.OneLine(said.Error()))
	}
	return finding(report.UntrustedTimestamp, "the signed timestamp is not by a timestamp authority of the trusted root, or not within its validity: %s", report.OneLine(said.Error()))
}

// stamps reports whether a token is about the signature, whoever made it.
func (j *judgement) stamps(token []byte) bool {
	t, err := guarded(func() (*timestamp.Timestamp, error) { return timestamp.ParseResponse(token) })
	if err != nil || !t.HashAlgorithm.Available() {
		return false
	}
	content, err := countersigned{j.signed.entity, j.signed.envelope}.SignatureContent()
	if err != nil {
		return false
	}
	h := t.HashAlgorithm.New()
	h.Write(content.Signature())
	return bytes.Equal(h.Sum(nil), t.HashedMessage)
}

// countersigned is a bundle whose timestamps are over something else than its
// signature.
type countersigned struct {
	*bundle.Bundle

	stamped []byte
}

// SignatureContent implements sigstore-go's SignatureProvider.
func (c countersigned) SignatureContent() (sigverify.SignatureContent, error) {
	content, err := c.Bundle.SignatureContent()
	if err != nil || c.stamped == nil {
		return content, err
	}
	return bundle.NewMessageSignature(nil, "", c.stamped), nil
}

func (j *judgement) admitTokens() *report.Error {
	tokens, err := j.signed.entity.Timestamps()
	if err != nil {
		return finding(report.InvalidTimestamp, "the signed timestamps cannot be read: %s", report.OneLine(err.Error()))
	}
	for _, t := range tokens {
		if !admitToken(t) {
			return finding(report.InvalidTimestamp, "the signed timestamp has a certificate with an RSA key of more than %d bits", maxModulus)
		}
	}
	return nil
}

// tokenOf finds the token in a timestamp response.
func tokenOf(response []byte) ([]byte, error) {
	var r struct {
		Status asn1.RawValue
		Token  asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(response, &r); err != nil {
		return nil, err
	}
	return r.Token.FullBytes, nil
}
