// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	oparego "github.com/open-policy-agent/opa/v1/rego"
)

const schemaPolicy = `package p_test

artifact := {"verified": true, "verdict": "verified", "digest": "d", "contents": [{"media_type": "m", "json": {"a": [[]]}}]}

listing := {"reference": "r@d", "digest": "d", "errors": [], "artifacts": [artifact]}

library := allow if {
	allow := data.ratify.schema.decision([listing], {"schemas": {"m": input}}).allow with ratify.manifest as {"manifest": {"subject": {"digest": "d"}}}
}

opa := json.match_schema({"a": [[]]}, input)
`

// TestSchemaIsNotFetched has schemas that refer to a server. OPA's built-in asks it;
// the library does not, and denies.
func TestSchemaIsNotFetched(t *testing.T) {
	t.Parallel()
	for name, schema := range map[string]string{
		"all of it":                    `{"$ref": "SERVER/schema.json"}`,
		"in a property":                `{"properties": {"a": {"$ref": "SERVER/schema.json"}}}`,
		"relative to its name":         `{"$id": "SERVER/", "properties": {"a": {"$ref": "schema.json"}}}`,
		"relative to the name in a":    `{"properties": {"a": {"$id": "SERVER/", "items": {"$ref": "schema.json"}}}}`,
		"relative to its draft 4 name": `{"id": "SERVER/", "properties": {"a": {"$ref": "schema.json"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				fmt.Fprint(w, `{}`)
			}))
			defer server.Close()
			input, err := ast.ValueFromReader(strings.NewReader(strings.ReplaceAll(schema, "SERVER", server.URL)))
			if err != nil {
				t.Fatal(err)
			}
			if got := value(t, "data.p_test.library", input); got != false || requests.Load() != 0 {
				t.Errorf("allow = %v after %d requests, want false and none", got, requests.Load())
			}
			if value(t, "data.p_test.opa", input); requests.Load() == 0 {
				t.Error("json.match_schema asked nobody either, so this test shows nothing")
			}
		})
	}
}

func value(t *testing.T, query string, input ast.Value) any {
	t.Helper()
	results, err := oparego.New(oparego.Query(query), oparego.Module("p.rego", schemaPolicy), oparego.ParsedInput(input)).Eval(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(results) == 0 {
		return nil
	}
	return results[0].Expressions[0].Value
}
