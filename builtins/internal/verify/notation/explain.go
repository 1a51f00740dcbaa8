// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"encoding/json"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// report turns the library's outcome into findings. Verified needs both: the
// library's verdict, and that none of our own checks objects.
func (j *judgement) report() report.Signature {
	s := blank(j.evidence)
	s.Trust = report.Trust{Policy: j.statement.Name, Level: j.statement.Level}
	j.results = j.findResults()
	s.Checks = j.lines()
	if j.content == nil {
		s.Errors = j.blame(nil)
		return s
	}
	own := j.payload()
	j.describe(&s)
	s.Errors = j.blame(append(own, j.unsupported()...))
	s.Verified = j.err == nil && len(s.Errors) == 0
	s.ValidUntil = j.validUntil()
	return s
}

// blame returns our objections and those of the failed checks. If the library
// says no and nothing explains it, its own words do.
func (j *judgement) blame(own []report.Error) []report.Error {
	errs := append([]report.Error{}, own...)
	for _, c := range j.results {
		if c.failed() {
			errs = append(errs, *c.finding)
		}
	}
	if len(errs) == 0 && (j.err != nil || j.content == nil) {
		errs = append(errs, *finding(report.Internal, "notation-go refuses the signature: %s", report.OneLine(fmt.Sprint(j.err))))
	}
	return settle(errs)
}

// settle: once one objection is final, asking again about the others cannot help.
func settle(errs []report.Error) []report.Error {
	final := false
	for _, e := range errs {
		final = final || !e.Retryable && !e.Unseen
	}
	for i := range errs {
		if final {
			errs[i].Retryable, errs[i].Unseen = false, false
		}
	}
	return errs
}

// payload reads what the signature vouches for and compares it with what was
// asked. The library does so too, but last, and gives text.
func (j *judgement) payload() []report.Error {
	var payload struct {
		TargetArtifact ocispec.Descriptor `json:"targetArtifact"`
	}
	if err := json.Unmarshal(j.content.Payload.Content, &payload); err != nil {
		return []report.Error{*malformed("the payload is not JSON of the Notary Project: %s", report.OneLine(err.Error()))}
	}
	j.target = payload.TargetArtifact
	var errs []report.Error
	want := subject(j.evidence)
	switch {
	case j.target.Digest != want.Digest:
		errs = append(errs, *finding(report.SubjectMismatch, "the signature is for %q, not for %s: it was made for another image", report.OneLine(j.target.Digest.String()), want.Digest))
	case !content.Equal(j.target, want):
		errs = append(errs, *finding(report.SubjectMismatch, "the signature is for %s with media type %q and %d bytes; its manifest says %q and %d bytes", want.Digest, j.target.MediaType, j.target.Size, want.MediaType, want.Size))
	}
	return append(errs, j.missingAnnotations()...)
}

func (j *judgement) missingAnnotations() []report.Error {
	var errs []report.Error
	for _, name := range sortedNames(j.evidence.Annotations) {
		want := j.evidence.Annotations[name]
		got, found := j.target.Annotations[name]
		switch {
		case !found:
			errs = append(errs, *finding(report.AnnotationMismatch, "the signature has no annotation %q; %q is demanded", name, want))
		case got != want:
			errs = append(errs, *finding(report.AnnotationMismatch, "the signature has annotation %q = %q; %q is demanded", name, report.OneLine(got), want))
		}
	}
	return errs
}

// unsupported refuses what the signer marked as critical and nobody here
// understands, verification plugins among it. notation-go ignores such
// attributes when there is no plugin.
//
// Spec: Notary Project signature specification v1.1, "Extended attributes".
func (j *judgement) unsupported() []report.Error {
	var errs []report.Error
	for _, a := range j.content.SignerInfo.SignedAttributes.ExtendedAttributes {
		if a.Critical || a.Key == pluginAttribute {
			errs = append(errs, *finding(report.UnsupportedFormat, "the signature demands that the verifier understands %q, as a plugin would; plugins are not supported", report.OneLine(fmtKey(a.Key))))
		}
	}
	return errs
}
