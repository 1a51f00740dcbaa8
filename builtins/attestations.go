// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

func attestations() builtin {
	trusts := newTrustCache()
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.attestations",
			Description: "Verifies the in-toto statements of one predicate type that are attached to an image, and returns the content of those " +
				"the trust document accepts. There is no way to read a statement without verifying it.",
			Decl: types.NewFunction(
				types.Args(describe("request", requestType(attestationsKeys), requestDescription(attestationsKeys))),
				describe("report", object(
					field("image", types.S), field("reference", types.S), field("digest", types.S), field("media_type", types.S),
					field("verdict", types.S), field("verified", types.B),
					field("attestations", attestationType()),
					field("stale", staleType()), field("errors", errorType()),
				), "as the report of `ratify.verify`, with `attestations` in place of signatures; `statement` is the in-toto statement of a verified one, {} otherwise"),
			),
			Nondeterministic: true, // asks registries, depends on the clock
		},
		eval: func(c call) (ast.Value, error) {
			r, err := parseRequest(c.operands[0].Value, "", attestationsKeys)
			if err != nil {
				return nil, err
			}
			q, err := r.question(c, trusts, "")
			if err != nil {
				return nil, err
			}
			return encodeAttestations(c.service.Verify(c.ctx, q)), nil
		},
	}
}

func attestationType() types.Type {
	return list(object(append(signatureFields(),
		field("predicate_type", types.S),
		field("statement", types.NewObject(nil, types.NewDynamicProperty(types.S, types.A))),
	)...))
}

// encodeAttestations also bounds the statements; one that is too complex for a
// Rego term is not verified. More pairs may be added to what all reports have.
func encodeAttestations(r *report.Report, more ...pair) ast.Value {
	verdict, verified, errs := r.Verdict, r.Verified, r.Errors
	encoded := make([]*ast.Term, len(r.Attestations))
	usable := false
	for i, a := range r.Attestations {
		statement := ast.Value(ast.NewObject())
		if a.Verified {
			var err error
			if statement, err = parseObject(a.Statement); err != nil {
				statement, a.Verified = ast.NewObject(), false
				why := report.Error{Code: documentCode(err), Stage: report.StageVerify, Message: fmt.Sprintf("statement of %s: %v", a.Digest, err), Unseen: true}
				a.Errors = append([]report.Error{why}, a.Errors...)
				errs = append([]report.Error{why}, errs...)
			}
		}
		usable = usable || a.Verified
		encoded[i] = ast.NewTerm(ast.NewObject(append(signaturePairs(a.Signature), str("predicate_type", a.PredicateType), at("statement", statement))...))
	}
	if verified && !usable {
		verdict, verified = report.Inconclusive, false
	}
	return ast.NewObject(append(more,
		str("image", r.Image), str("reference", r.Reference), str("digest", r.Digest), str("media_type", r.MediaType),
		str("verdict", string(verdict)), boolean("verified", verified),
		at("attestations", ast.NewArray(encoded...)),
		at("stale", array(r.Stale, encodeStale)), at("errors", array(errs, encodeError)),
	)...)
}
