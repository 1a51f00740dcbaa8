// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// clock is the time as of which a signature is judged: the machine's, by which
// notation-go decides, or that of the evidence.
func (j *judgement) clock() time.Time {
	if j.verifier.asOf {
		return j.verifier.now()
	}
	return time.Now() //nolint:forbidigo // notation-go v1.3.2 takes no other clock
}

// relax makes the library log what it compares with the machine's clock; [asOf]
// decides it.
func relax(document *trustpolicy.Document, s *trust.Statement) {
	verification := &document.TrustPolicies[0].SignatureVerification
	for _, t := range []trustpolicy.ValidationType{trustpolicy.TypeExpiry, trustpolicy.TypeAuthenticTimestamp} {
		if s.Action(t) == trustpolicy.ActionSkip {
			continue
		}
		if verification.Override == nil {
			verification.Override = map[trustpolicy.ValidationType]trustpolicy.ValidationAction{}
		}
		verification.Override[t] = trustpolicy.ActionLog
	}
}

// asOf decides the two checks for which the library read another clock, and ends
// where the library would have ended.
func (j *judgement) asOf(checks []check) []check {
	if !j.verifier.asOf || j.content == nil {
		return checks
	}
	stopped := false
	for i := range checks {
		c := &checks[i]
		switch {
		case !c.reached || c.action == trustpolicy.ActionSkip:
		case c.name == checkExpiry:
			c.finding = j.expiredAsOf()
		case c.name == checkTimestamp:
			c.finding = j.timestampAsOf(c.finding)
		}
		if stopped {
			c.reached, c.finding = false, nil
		}
		stopped = stopped || c.failed()
	}
	return checks
}

func (j *judgement) expiredAsOf() *report.Error {
	expiry := j.content.SignerInfo.SignedAttributes.Expiry
	if expiry.IsZero() || j.clock().Before(expiry) {
		return nil
	}
	return j.expiry(nil)
}

// timestampAsOf: a signed timestamp is judged by its own time, the certificates
// without one by the clock.
//
// Spec: Notary Project, trust policy v1.1, "Authentic timestamp".
func (j *judgement) timestampAsOf(found *report.Error) *report.Error {
	info := &j.content.SignerInfo
	if info.SignedAttributes.SigningScheme == signature.SigningSchemeX509SigningAuthority || j.timestampCounts() {
		return found
	}
	now := j.clock()
	return outOfValidity(info.CertificateChain, now, now, "now, and "+j.noTimestamp())
}
