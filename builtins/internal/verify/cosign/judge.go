// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"crypto/x509"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// judgement is one signature on its way through the checks.
type judgement struct {
	verifier *Verifier
	trust    *trust.Cosign
	signed   *signed
	wanted   wanted

	// keys are the trusted keys that made the signature, key the one that counts.
	// Without any, the certificate made it.
	keys []*trust.Key
	key  *trust.Key

	material root.TrustedMaterial // the trusted root, and the key
	times    []time.Time          // proven times of signing
	chains   [][]*x509.Certificate
	summary  *certificate.Summary
	identity *trust.CertificateIdentity

	results []result
	excuse  string // why the running check proves nothing and need not, "" if it does
}

// step is one check: asked only if nothing it rests on has failed.
type step struct {
	name  string
	skip  string   // why it is done without, "" if it is not
	rests []string // names of the checks it rests on
	check func() *report.Error
}

// result is what one check found.
type result struct {
	step
	reached bool
	finding *report.Error // nil: passed, or not reached
}

// steps are the checks, in order.
func (j *judgement) steps() []step {
	steps := []step{
		{name: "integrity", check: j.integrity},
		{name: "transparency", skip: ignored(j.trust.Log, "log entries"), rests: []string{"integrity"}, check: j.transparency},
		{name: "signed_timestamp", skip: ignored(j.trust.SignedTimestamp, "signed timestamps"), rests: []string{"integrity"}, check: j.signedTimestamp},
	}
	if j.byKey() {
		steps = append(steps, step{name: "key", rests: []string{"integrity", "transparency", "signed_timestamp"}, check: j.validKey})
	} else {
		steps = append(steps,
			step{name: "certificate", rests: []string{"integrity", "transparency", "signed_timestamp"}, check: j.certificate},
			step{name: "sct", skip: ignored(j.trust.SCT, "certificate transparency"), rests: []string{"certificate"}, check: j.sct},
			step{name: "identity", rests: []string{"certificate"}, check: j.trustedIdentity},
		)
	}
	return append(steps,
		step{name: "subject", rests: []string{"integrity"}, check: j.subject},
		step{name: "annotations", rests: []string{"integrity"}, check: j.annotations},
	)
}

func ignored(d trust.Demand, what string) string {
	if d == trust.Ignored {
		return "the trust document ignores " + what
	}
	return ""
}

// byKey reports whether keys judge the signature: one of them made it, or there
// is no certificate that could have.
func (j *judgement) byKey() bool {
	return len(j.keys) > 0 || j.signed.leaf == nil && len(j.trust.Keys) > 0 || len(j.trust.Identities) == 0
}

// run takes the signature through the checks.
func (j *judgement) run() {
	j.findKeys()
	for _, s := range j.steps() {
		r := result{step: s}
		if s.skip == "" && j.all(s.rests) {
			j.excuse = ""
			r.reached, r.finding = true, s.check()
			r.skip = j.excuse
		}
		j.results = append(j.results, r)
	}
}

// all reports whether the named checks passed or were not wanted.
func (j *judgement) all(names []string) bool {
	for _, name := range names {
		for _, r := range j.results {
			if r.name == name && r.skip == "" && (!r.reached || r.finding != nil) {
				return false
			}
		}
	}
	return true
}

// passed reports whether every check was made and passed, or was not wanted.
func (j *judgement) passed() bool {
	for _, r := range j.results {
		if r.skip == "" && (!r.reached || r.finding != nil) {
			return false
		}
	}
	return len(j.results) > 0
}
