// SPDX-License-Identifier: Apache-2.0

package gatekeeper_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/unversioned"
	"github.com/open-policy-agent/frameworks/constraint/pkg/externaldata"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"
)

// template has the conditions of Ratify's default constraint templates, both
// generations: a system error, an error for a key, a value that says false. It
// is as forgetful as they are: a key without an answer is no violation.
const template = `package template

answer := external_data({"provider": "ratify-provider", "keys": input.images})

violation contains sprintf("System error calling external data provider: %s", [answer.system_error]) if answer.system_error != ""

violation contains sprintf("Error validating one or more images: %v", [answer.errors]) if count(answer.errors) > 0

violation contains sprintf("Subject failed verification: %s", [response[0]]) if {
	some response in answer.responses
	response[1][input.field] == false
}`

// violations evaluates the template as Gatekeeper does: the client, the
// conversion to Rego and the handling of errors are the constraint framework's.
func violations(t *testing.T, provider *unversioned.Provider, send sender, field string, images ...string) []any {
	t.Helper()
	results, err := rego.New(
		rego.Query("data.template.violation"),
		rego.Module("template.rego", template),
		rego.Input(map[string]any{"images": images, "field": field}),
		rego.Function1(&rego.Function{
			Name: "external_data", Decl: types.NewFunction(types.Args(types.A), types.A), Nondeterministic: true,
		}, func(bctx rego.BuiltinContext, request *ast.Term) (*ast.Term, error) {
			return externalData(bctx.Context, provider, send, request)
		}),
	).Eval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, ok := results[0].Expressions[0].Value.([]any)
	if !ok {
		t.Fatalf("violations are %T", results[0].Expressions[0].Value)
	}
	return found
}

type sender func(context.Context, *unversioned.Provider, []string) (*externaldata.ProviderResponse, int, error)

func externalData(ctx context.Context, provider *unversioned.Provider, send sender, request *ast.Term) (*ast.Term, error) {
	var asked externaldata.RegoRequest
	if err := ast.As(request.Value, &asked); err != nil {
		return nil, err
	}
	if asked.ProviderName != provider.Name {
		return externaldata.HandleError(http.StatusBadRequest, errors.New("no such provider"))
	}
	response, status, err := send(ctx, provider, asked.Keys)
	if err != nil {
		return externaldata.HandleError(status, err)
	}
	return externaldata.PrepareRegoResponse(externaldata.NewRegoResponse(status, response))
}
