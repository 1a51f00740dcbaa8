// SPDX-License-Identifier: Apache-2.0

package floor_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/opa-ratify/opa-ratify/test/bench/floor"
)

const answer = `{"apiVersion": "v1", "kind": "ProviderResponse", "response": {
	"idempotent": true, "systemError": "", "items": [{"key": "a", "value": {"isSuccess": true, "n": 1}}]}}`

func TestConstant(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	floor.Constant([]byte(answer)).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("{}")))
	if diff := cmp.Diff(answer, recorder.Body.String()); diff != "" || recorder.Code != http.StatusOK {
		t.Error(recorder.Code, diff)
	}
}

// OPA answers every key with the value of the answer it is to resemble.
func TestPolicy(t *testing.T) {
	t.Parallel()
	policy, err := floor.Policy([]byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	results, err := rego.New(rego.Query("data.floor.response"), rego.Module("floor.rego", policy), rego.Input(map[string]any{
		"apiVersion": "v1", "request": map[string]any{"keys": []string{"a", "b"}},
	})).Eval(t.Context())
	if err != nil || len(results) != 1 {
		t.Fatal(results, err)
	}
	value := map[string]any{"isSuccess": true, "n": json.Number("1")}
	want := map[string]any{"apiVersion": "v1", "kind": "ProviderResponse", "response": map[string]any{
		"idempotent": true, "systemError": "",
		"items": []any{map[string]any{"key": "a", "value": value}, map[string]any{"key": "b", "value": value}},
	}}
	if diff := cmp.Diff(any(want), results[0].Expressions[0].Value); diff != "" {
		t.Error(diff)
	}
}

func TestPolicyOfNoAnswer(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "{}", `{"response": {"items": []}}`} {
		if policy, err := floor.Policy([]byte(bad)); err == nil {
			t.Errorf("%q: %s", bad, policy)
		}
	}
}
