// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"maps"
	"slices"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// subject: the payload is for what was asked about. A signature is for that
// alone; an attestation may be about several artifacts of one build.
func (j *judgement) subject() *report.Error {
	c, w := j.signed.claims, j.wanted
	if !w.kind.covers(c) {
		return finding(report.PredicateMismatch, "the statement has predicate type %q, not %s", report.OneLine(c.predicateType), w.kind.predicateType)
	}
	meets := func(d digests) bool { return d.meet(w.subject) }
	differs := func(d digests) bool { return !d.meet(w.subject) }
	switch {
	case !slices.ContainsFunc(c.subjects, meets):
		return finding(report.SubjectMismatch, "it is for %s, not for %s: it was made for something else", subjects(c), w.subject)
	case !w.kind.attestation && slices.ContainsFunc(c.subjects, differs):
		return finding(report.SubjectMismatch, "it is for %s, and not only for %s", subjects(c), w.subject)
	}
	return nil
}

func subjects(c claims) string {
	var names []string
	for _, d := range c.subjects {
		names = append(names, d.String())
	}
	return report.Listed(names)
}

// annotations: the signer wrote what the request and the trust document demand.
func (j *judgement) annotations() *report.Error {
	for _, demanded := range []map[string]string{j.trust.Annotations, j.wanted.annotations} {
		for _, name := range slices.Sorted(maps.Keys(demanded)) {
			got, found := j.signed.claims.annotations[name]
			switch {
			case !found:
				return finding(report.AnnotationMismatch, "the signature has no annotation %q; %q is demanded", report.OneLine(name), report.OneLine(demanded[name]))
			case got != demanded[name]:
				return finding(report.AnnotationMismatch, "the signature has annotation %q = %q; %q is demanded", report.OneLine(name), report.OneLine(got), report.OneLine(demanded[name]))
			}
		}
	}
	return nil
}
