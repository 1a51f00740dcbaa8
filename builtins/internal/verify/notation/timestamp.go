// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	corex509 "github.com/notaryproject/notation-core-go/x509"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/tspclient-go"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// timestamp says why the check of the signing time failed. It follows the
// library's steps in their order, so that the first one that objects is the one
// the library means.
//
// Spec: Notary Project, trust policy v1.1, "Authentic timestamp".
func (j *judgement) timestamp(said error) *report.Error {
	info := &j.content.SignerInfo
	if info.SignedAttributes.SigningScheme == signature.SigningSchemeX509SigningAuthority {
		at := info.SignedAttributes.SigningTime
		return or(outOfValidity(info.CertificateChain, at, at, "when it was signed"), finding(report.InvalidTimestamp, "%s", report.OneLine(said.Error())))
	}
	if !j.timestampCounts() {
		now := j.clock()
		return or(outOfValidity(info.CertificateChain, now, now, "now, and "+j.noTimestamp()), finding(report.InvalidTimestamp, "%s", report.OneLine(said.Error())))
	}
	if len(info.UnsignedAttributes.TimestampSignature) == 0 {
		return finding(report.MissingTimestamp, "the trust policy %q wants a signed timestamp and the signature has none; sign with a timestamp authority, or remove the tsa store from the policy", j.statement.Name)
	}
	if missing := without(j.statement.StoresOf(trust.TypeTSA)); missing != "" {
		return finding(report.NoTrustMaterial, "the trust policy %q cannot check timestamps: %s", j.statement.Name, missing)
	}
	return j.badTimestamp(said)
}

func (j *judgement) badTimestamp(said error) *report.Error {
	tsas := named(j.statement.StoresOf(trust.TypeTSA))
	proven := j.provenTime()
	if proven == nil {
		return finding(report.InvalidTimestamp, "the signed timestamp is damaged, or for another signature: %s", report.OneLine(said.Error()))
	}
	if !j.timestampVouches(proven.Value) {
		return finding(report.InvalidTimestamp, "the signed timestamp is not by a timestamp authority the trust policy %q trusts (%s): %s", j.statement.Name, tsas, report.OneLine(said.Error()))
	}
	first, last := proven.Value.Add(-proven.Accuracy), proven.Value.Add(proven.Accuracy)
	if f := outOfValidity(j.content.SignerInfo.CertificateChain, first, last, "at the signed timestamp"); f != nil {
		return f
	}
	if f := revocationFinding(j.answers.Of(j.verifier.revocation.Timestamping), "timestamping certificate"); f != nil {
		return f
	}
	return finding(report.InvalidTimestamp, "%s", report.OneLine(said.Error()))
}

// timestampVouches repeats the library's step that ties the token to a trusted
// authority.
func (j *judgement) timestampVouches(at time.Time) bool {
	token, err := tspclient.ParseSignedToken(j.content.SignerInfo.UnsignedAttributes.TimestampSignature)
	if err != nil {
		return false
	}
	roots := x509.NewCertPool()
	for _, store := range j.statement.StoresOf(trust.TypeTSA) {
		for _, c := range store.Certificates {
			roots.AddCert(c)
		}
	}
	chain, err := token.Verify(context.Background(), x509.VerifyOptions{CurrentTime: at, Roots: roots})
	return err == nil && corex509.ValidateTimestampingCertChain(chain) == nil
}

// timestampPassed reports that a timestamp was looked at and found good.
func (j *judgement) timestampPassed() bool {
	result := j.result(trustpolicy.TypeAuthenticTimestamp)
	return result != nil && result.Error == nil && j.timestampCounts()
}

// timestampCounts reports whether the policy looks at timestamps of this
// signature at all.
func (j *judgement) timestampCounts() bool {
	if len(j.statement.StoresOf(trust.TypeTSA)) == 0 {
		return false
	}
	if j.statement.VerifyTimestamp() != trustpolicy.OptionAfterCertExpiry {
		return true
	}
	now := j.clock()
	for _, c := range j.content.SignerInfo.CertificateChain {
		if now.After(c.NotAfter) {
			return true
		}
	}
	return false
}

func (j *judgement) noTimestamp() string {
	if len(j.statement.StoresOf(trust.TypeTSA)) == 0 {
		return "no timestamp can vouch for it: the trust policy has no tsa store"
	}
	return "the trust policy looks at timestamps only after the certificates have expired"
}

// provenTime returns what the token says, nil if it cannot be read or is not for
// this signature. It proves something only if the check passed.
func (j *judgement) provenTime() *tspclient.Timestamp {
	token, err := tspclient.ParseSignedToken(j.content.SignerInfo.UnsignedAttributes.TimestampSignature)
	if err != nil {
		return nil
	}
	info, err := token.Info()
	if err != nil {
		return nil
	}
	t, err := info.Validate(j.content.SignerInfo.Signature)
	if err != nil {
		return nil
	}
	return t
}

// outOfValidity finds the first certificate that is not valid for the whole of
// first to last, nil if all are.
func outOfValidity(chain []*x509.Certificate, first, last time.Time, when string) *report.Error {
	for _, c := range chain {
		if first.Before(c.NotBefore) {
			return finding(report.NotYetValid, "the certificate %q is valid from %s: not yet %s", nameOf(c), report.Stamp(c.NotBefore), when)
		}
		if last.After(c.NotAfter) {
			return finding(report.Expired, "the certificate %q was valid until %s: no longer %s", nameOf(c), report.Stamp(c.NotAfter), when)
		}
	}
	return nil
}
