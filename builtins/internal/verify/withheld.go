// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"slices"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// withheld says which trust material of key providers is not there to judge ref
// by. Material that nobody could see leaves open what it would have accepted;
// material that is disabled or deleted accepts nothing.
func withheld(doc *trust.Document, ref reference.Reference) []report.Error {
	if doc == nil {
		return nil
	}
	return absences(doc.Absent(ref))
}

func absences(absent []trust.Absent) []report.Error {
	var errs []report.Error
	for _, a := range absent {
		errs = append(errs, report.Error{
			Code: report.NoTrustMaterial, Stage: report.StageTrust, Message: report.Clip(a.Message, report.MaxMessage),
			Retryable: a.Retryable, Unseen: a.Unseen,
		})
	}
	return errs
}

// explain adds what is withheld to the findings about each subject without a
// signature that counts.
func explain(r *report.Report, why []report.Error) {
	verified := func(s report.Signature) bool { return s.Verified }
	if !slices.ContainsFunc(r.Signatures, verified) {
		r.Errors = append(r.Errors, why...)
	}
	for i := range r.Platforms {
		if p := &r.Platforms[i]; !slices.ContainsFunc(p.Signatures, verified) {
			p.Errors = append(p.Errors, why...)
		}
	}
}
