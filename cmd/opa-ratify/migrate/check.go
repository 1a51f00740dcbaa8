// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/opa-ratify/opa-ratify/cmd/opa-ratify/migrate/finding"
	"github.com/opa-ratify/opa-ratify/cmd/opa-ratify/migrate/translate"
)

// question makes ratify.verify_blob compile a trust document, and needs no
// registry.
const question = `ratify.verify_blob({
	"digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"envelope": base64.encode("{}"),
	"trust": input,
}).verified`

// check has each trust document that is complete and needs nothing from elsewhere
// read by the engine itself. One it refuses is marked as incomplete.
func check(ctx context.Context, plan *translate.Plan, findings *finding.List) error {
	var query rego.PreparedEvalQuery
	for _, d := range plan.Documents {
		if d.Incomplete != "" || d.Elsewhere {
			continue
		}
		var document any
		if err := d.Node.Decode(&document); err != nil {
			return fmt.Errorf("trust document %q: %w", d.Name, err)
		}
		value, err := ast.InterfaceToValue(document)
		if err != nil {
			return fmt.Errorf("trust document %q: %w", d.Name, err)
		}
		if query, err = prepared(ctx, query); err != nil {
			return err
		}
		if _, err := query.Eval(ctx, rego.EvalParsedInput(value)); err != nil {
			d.Incomplete = "it is not valid"
			findings.Add(finding.Mistake, finding.Place{From: d.From}, fmt.Sprintf("the trust document %q is not valid: %s", d.Name, reason(err)),
				"correct it, and remove it from incomplete in trust/data.yaml")
		}
	}
	return nil
}

// reason drops the text of the question from an error.
func reason(err error) string {
	if failed, ok := errors.AsType[*topdown.Error](err); ok {
		return failed.Message
	}
	return err.Error()
}

// prepared compiles the question once.
func prepared(ctx context.Context, query rego.PreparedEvalQuery) (rego.PreparedEvalQuery, error) {
	if query != (rego.PreparedEvalQuery{}) {
		return query, nil
	}
	return rego.New(rego.Query(question), rego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
}
