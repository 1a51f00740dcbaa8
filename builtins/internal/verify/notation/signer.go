// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"maps"
	"time"

	"github.com/notaryproject/notation-core-go/signature"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/revocation"
)

// describe fills in who signed, what, when, and which part of the policy knows
// them. It is called when the envelope has integrity, also for signatures that
// are not verified: near misses are explained by it.
func (j *judgement) describe(s *report.Signature) {
	info := &j.content.SignerInfo
	leaf := info.CertificateChain[0]
	s.Signer = report.Signer{
		Kind:        "certificate",
		Subject:     leaf.Subject.String(),
		Issuer:      leaf.Issuer.String(),
		Fingerprint: fingerprint(leaf),
		Claims:      map[string]string{},
	}
	if store := j.anchor(); store != nil {
		s.Trust.Store = store.Name
	}
	if identity := j.matched(); identity != nil {
		s.Trust.Identity = identity.Text
	}
	s.SignedAt, s.ExpiresAt = report.Stamp(j.signedAt()), report.Stamp(info.SignedAttributes.Expiry)
	maps.Copy(s.Annotations, j.target.Annotations)
}

// signedAt is the time the timestamp authority vouches for, otherwise the one
// the signer claims.
func (j *judgement) signedAt() time.Time {
	info := &j.content.SignerInfo
	if info.SignedAttributes.SigningScheme == signature.SigningSchemeX509 && j.timestampPassed() {
		if proven := j.provenTime(); proven != nil {
			return proven.Value
		}
	}
	return info.SignedAttributes.SigningTime
}

// validUntil is the next instant at which a fact of the judgement changes: the
// signature's expiry, the ends of the certificates, the age of revocation
// answers. What is worth asking again is asked again soon.
func (j *judgement) validUntil() time.Time {
	now := j.verifier.now()
	info := &j.content.SignerInfo
	instants := []time.Time{info.SignedAttributes.Expiry}
	for _, c := range info.CertificateChain {
		instants = append(instants, c.NotBefore, c.NotAfter)
	}
	next := j.answers.Until()
	for _, t := range instants {
		if t.After(now) {
			next = earliest(next, t)
		}
	}
	for _, c := range j.results {
		if c.finding != nil && c.finding.Retryable {
			next = earliest(next, now.Add(revocation.UnknownMaxAge))
		}
	}
	return next
}

// earliest returns the first of two instants, ignoring zero ones.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
