// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"fmt"
	"maps"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// report runs the checks and writes down what they found. Content is shown only
// of what is verified.
func (j *judgement) report(s report.Signature) report.Attestation {
	j.run()
	s.Checks = j.lines()
	s.Errors = j.errors()
	s.Verified = j.passed() && len(s.Errors) == 0
	j.describe(&s)
	s.ValidUntil = j.validUntil()
	a := report.Attestation{Signature: s, PredicateType: j.signed.claims.predicateType}
	if s.Verified && a.PredicateType != "" {
		a.Statement = j.signed.claims.payload
	}
	return a
}

// lines returns the checks as reports show them.
func (j *judgement) lines() []report.Check {
	var lines []report.Check
	stopped := ""
	for _, r := range j.results {
		line := report.Check{Name: r.name, Action: "enforce", Outcome: report.Passed}
		switch {
		case r.finding != nil:
			line.Outcome, line.Message = report.Failed, r.finding.Message
			stopped = r.name
		case r.skip != "":
			line.Action, line.Outcome, line.Message = "skip", report.Skipped, r.skip
		case !r.reached:
			line.Outcome, line.Message = report.Skipped, fmt.Sprintf("not reached: the check of %s failed", stopped)
		}
		lines = append(lines, line)
	}
	return lines
}

func (j *judgement) errors() []report.Error {
	errs := []report.Error{}
	for _, r := range j.results {
		if r.finding != nil {
			errs = append(errs, *r.finding)
		}
	}
	if len(errs) == 0 && !j.passed() {
		errs = append(errs, *finding(report.Internal, "a check was not made"))
	}
	return errs
}

// describe fills in who signed, when, and which part of the trust document knows
// them; also for signatures that are not verified, to explain near misses.
func (j *judgement) describe(s *report.Signature) {
	s.Annotations = maps.Clone(j.signed.claims.annotations)
	if len(j.times) > 0 {
		s.SignedAt = report.Stamp(earliest(j.times))
	}
	switch {
	case j.key != nil:
		s.Signer = report.Signer{Kind: "key", Fingerprint: j.key.Fingerprint, Key: keyName(j.key)}
		s.Trust.Key = keyName(j.key)
	case j.signed.leaf != nil:
		s.Signer = j.certificateSigner()
		if j.identity != nil {
			s.Trust.Identity = j.identity.Text
		}
	default:
		s.Signer = report.Signer{Kind: "key", Key: report.OneLine(j.signed.proofs.GetVerificationMaterial().GetPublicKey().GetHint())}
	}
	if s.Trust.Identity != "" && j.material != nil && j.trust.Root != nil {
		s.Trust.Store = "trusted_root"
	}
}

func (j *judgement) certificateSigner() report.Signer {
	leaf := j.signed.leaf
	claims := j.certificateClaims()
	return report.Signer{
		Kind: "certificate", Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(),
		Identity: claims[trust.ClaimSubject], OIDCIssuer: claims[trust.ClaimIssuer],
		Fingerprint: digest.FromBytes(leaf.Raw).String(), Claims: claims,
	}
}

// keyName is how reports name a key: as the trust document does, with the
// version of the key provider, and by its fingerprint if it has no name.
func keyName(k *trust.Key) string {
	switch {
	case k.Name == "":
		return k.Fingerprint
	case k.Version == "":
		return k.Name
	}
	return k.Name + "@" + k.Version
}

func earliest(times []time.Time) time.Time {
	first := times[0]
	for _, t := range times {
		if t.Before(first) {
			first = t
		}
	}
	return first
}

// validUntil is the next instant at which the same bytes could be judged
// otherwise: the window of a key, where it is compared with now. What a proven
// time decided stays decided.
func (j *judgement) validUntil() time.Time {
	var next time.Time
	if len(j.times) > 0 {
		return next
	}
	now := j.verifier.now()
	for _, k := range j.keys {
		for _, t := range []time.Time{k.ValidFrom, k.ValidUntil} {
			if t.After(now) && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
	}
	return next
}
