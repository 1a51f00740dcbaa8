// SPDX-License-Identifier: Apache-2.0

// Package report is step 6 of the flow: plain data that says what was found out
// about one image. It decides nothing beyond [Report.Conclude]; whether an image
// may run is Rego's business.
//
// Field names and codes are API (DESIGN.md, section 2): they may be added,
// never renamed. Every field is always present; a list without elements is [].
package report

import (
	"sync/atomic"
	"time"
)

// Verdict is the conclusion about one image. The zero value is not a verdict;
// [Report.Conclude] never leaves it.
type Verdict string

// The three verdicts.
const (
	Verified     Verdict = "verified"     // at least one signature satisfies the trust document
	Rejected     Verdict = "rejected"     // all evidence was seen and none satisfies
	Inconclusive Verdict = "inconclusive" // something could not be seen
)

// Report is what is known about one image after one verification.
type Report struct {
	Image      string      `json:"image"`      // as the caller wrote it
	Reference  string      `json:"reference"`  // registry/repository@digest, or as far as it is known; "" if it does not parse
	Digest     string      `json:"digest"`     // of the subject, algorithm:hex; "" if it was not resolved
	MediaType  string      `json:"media_type"` // of the subject; "" if nobody told
	Verdict    Verdict     `json:"verdict"`
	Verified   bool        `json:"verified"` // Verdict == Verified
	Signatures []Signature `json:"signatures"`
	Platforms  []Platform  `json:"platforms"` // the children of an index that the request demanded
	Stale      []Stale     `json:"stale"`     // what was known from before and could not be, or has not yet been, asked again
	Errors     []Error     `json:"errors"`

	// Attestations are the signatures again, with statements, when attestations
	// were asked for.
	Attestations []Attestation `json:"-"`

	derived atomic.Pointer[any]
}

// Derived returns what build makes of the report, built once (by two goroutines
// at the same time perhaps twice) and kept as long as the report is. All callers
// must build the same thing, and nobody may change it.
func (r *Report) Derived(build func() any) any {
	if known := r.derived.Load(); known != nil {
		return *known
	}
	r.derived.CompareAndSwap(nil, new(build()))
	return *r.derived.Load()
}

// Copy returns a report of the same content, for a change to it or for another
// spelling of the image. Lists are shared.
func (r *Report) Copy() *Report {
	return &Report{
		Image: r.Image, Reference: r.Reference, Digest: r.Digest, MediaType: r.MediaType, Verdict: r.Verdict, Verified: r.Verified,
		Signatures: r.Signatures, Platforms: r.Platforms, Stale: r.Stale, Errors: r.Errors, Attestations: r.Attestations,
	}
}

// Stale is one thing that is older than its TTL and was used all the same.
type Stale struct {
	Stage   Stage  `json:"stage"`   // resolve: what the tag names; referrers: what is attached
	AsOf    string `json:"as_of"`   // RFC 3339, UTC: when the registry said so
	Code    Code   `json:"code"`    // why it could not be asked again; "" if it is being asked meanwhile
	Message string `json:"message"` // one line
}

// Platform is what is known about one child of an index.
type Platform struct {
	Platform   string      `json:"platform"` // os/architecture[/variant]
	Digest     string      `json:"digest"`
	MediaType  string      `json:"media_type"`
	Verdict    Verdict     `json:"verdict"`
	Verified   bool        `json:"verified"`
	Signatures []Signature `json:"signatures"`
	Errors     []Error     `json:"errors"`
}

// Signature is what is known about one signature manifest.
type Signature struct {
	Format       string            `json:"format"` // "notation" or "cosign"
	ArtifactType string            `json:"artifact_type"`
	Digest       string            `json:"digest"` // of the signature manifest
	Verified     bool              `json:"verified"`
	Signer       Signer            `json:"signer"`
	Trust        Trust             `json:"trust"`
	SignedAt     string            `json:"signed_at"`  // RFC 3339, UTC, as claimed or as proven (check authentic_timestamp); "" if absent
	ExpiresAt    string            `json:"expires_at"` // RFC 3339, UTC; "" if it does not expire
	Annotations  map[string]string `json:"annotations"`
	Checks       []Check           `json:"checks"`
	Errors       []Error           `json:"errors"`

	// ValidUntil bounds how long this finding may be reused: the earliest of
	// the signature's expiry, the ends of its certificates and the revocation
	// answers' next update. The zero time means no bound.
	ValidUntil time.Time `json:"-"`
}

// Attestation is what is known about one signed statement about the subject.
type Attestation struct {
	Signature

	PredicateType string `json:"predicate_type"`
	// Statement is the in-toto statement as JSON. Nil unless it is verified:
	// content is never shown beside a doubt.
	Statement []byte `json:"-"`
}

// Signer is who signed, read from the signature's own certificate or key. It is
// a claim unless the signature is verified.
type Signer struct {
	Kind        string            `json:"kind"`    // "certificate", "key" or "" if unreadable
	Subject     string            `json:"subject"` // RFC 4514 distinguished name
	Issuer      string            `json:"issuer"`  // RFC 4514 distinguished name
	Identity    string            `json:"identity"`
	OIDCIssuer  string            `json:"oidc_issuer"`
	Fingerprint string            `json:"fingerprint"` // sha256:hex of the certificate, or of the public key's SPKI
	Key         string            `json:"key"`
	Claims      map[string]string `json:"claims"`
}

// Trust names the part of the trust document that judged a signature: policy and
// level are filled for those it refused too, the others with what matched and ""
// otherwise.
type Trust struct {
	Policy   string `json:"policy"`   // name of the trust policy statement
	Level    string `json:"level"`    // strict, permissive, audit, skip, or custom
	Store    string `json:"store"`    // trust store, "ca:acme"
	Identity string `json:"identity"` // the trusted identity that matched
	Key      string `json:"key"`      // name of the key that matched
}

// Check is one validation of one signature.
type Check struct {
	Name    string `json:"name"`    // integrity, authenticity, authentic_timestamp, expiry, revocation, identity, …
	Outcome string `json:"outcome"` // passed, failed, logged (failed, but the policy only logs it) or skipped
	Action  string `json:"action"`  // what the policy does about a failure: enforce, log or skip
	Message string `json:"message"` // "" when it passed
}

// The outcomes of a check.
const (
	Passed  = "passed"
	Failed  = "failed"
	Logged  = "logged"
	Skipped = "skipped"
)

// Error is one reason why something is not verified.
type Error struct {
	Code      Code   `json:"code"`
	Message   string `json:"message"` // object, finding, remedy; one line
	Stage     Stage  `json:"stage"`
	Retryable bool   `json:"retryable"` // asking again may give another answer

	// Unseen says that evidence is missing because of this error, so that
	// "not verified" must not become "rejected".
	Unseen bool `json:"-"`
}

// Stage is the step of the flow at which an error arose.
type Stage string

// The stages, in the order data passes them.
const (
	StageParse     Stage = "parse"
	StageTrust     Stage = "trust"
	StageResolve   Stage = "resolve"
	StageReferrers Stage = "referrers"
	StageFetch     Stage = "fetch"
	StageVerify    Stage = "verify"
)

// Conclude fills the verdicts from the findings: verified needs one verified
// signature on the subject, and on every platform that was demanded; rejected
// needs that nothing was left unseen; everything else is inconclusive. It also
// replaces nil lists by empty ones. It returns r.
func (r *Report) Conclude() *Report {
	r.Verdict = conclude(r.Signatures, r.Errors)
	for i := range r.Platforms {
		p := &r.Platforms[i]
		p.Verdict = conclude(p.Signatures, p.Errors)
		p.Verified = p.Verdict == Verified
		p.Signatures, p.Errors = fill(p.Signatures), list(p.Errors)
		r.Verdict = worse(r.Verdict, p.Verdict)
	}
	r.Verified = r.Verdict == Verified
	r.Signatures, r.Errors, r.Platforms, r.Stale = fill(r.Signatures), list(r.Errors), list(r.Platforms), list(r.Stale)
	return r
}

func conclude(signatures []Signature, errs []Error) Verdict {
	unseen := anyUnseen(errs)
	for _, s := range signatures {
		if s.Verified {
			return Verified
		}
		unseen = unseen || anyUnseen(s.Errors)
	}
	if unseen {
		return Inconclusive
	}
	return Rejected
}

func anyUnseen(errs []Error) bool {
	for _, e := range errs {
		if e.Unseen || e.Retryable {
			return true
		}
	}
	return false
}

// worse combines two demands that must both hold: a rejection is final, and
// what could not be seen is not verified.
func worse(a, b Verdict) Verdict {
	switch {
	case a == Rejected || b == Rejected:
		return Rejected
	case a == Verified && b == Verified:
		return Verified
	default:
		return Inconclusive
	}
}

func fill(signatures []Signature) []Signature {
	for i := range signatures {
		s := &signatures[i]
		s.Checks, s.Errors = list(s.Checks), list(s.Errors)
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		if s.Signer.Claims == nil {
			s.Signer.Claims = map[string]string{}
		}
	}
	return list(signatures)
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
