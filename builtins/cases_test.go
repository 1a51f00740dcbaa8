// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/test/cases"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"
)

// TestCases runs the cases in OPA's own format.
func TestCases(t *testing.T) {
	t.Parallel()
	for _, tc := range cases.MustLoad("testdata/cases").Sorted().Cases {
		t.Run(tc.Note, func(t *testing.T) {
			t.Parallel()
			got, err := evaluate(t, tc)
			if tc.WantError != nil || tc.WantErrorCode != nil {
				wantError(t, tc, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(jsonValue(t, *tc.WantResult), jsonValue(t, got)); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func evaluate(t *testing.T, tc cases.TestCase) ([]map[string]any, error) {
	t.Helper()
	options := []func(*rego.Rego){rego.Query(tc.Query)}
	if tc.Input != nil {
		options = append(options, rego.Input(*tc.Input))
	}
	if tc.Data != nil {
		options = append(options, rego.Store(inmem.NewFromObject(*tc.Data)))
	}
	results, err := rego.New(options...).Eval(t.Context())
	var bindings []map[string]any
	for _, r := range results {
		b := map[string]any{}
		for name, v := range r.Bindings {
			if name == "x" {
				b[name] = v
			}
		}
		bindings = append(bindings, b)
	}
	return bindings, err
}

func wantError(t *testing.T, tc cases.TestCase, err error) {
	t.Helper()
	var e *topdown.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v; want an evaluation error", err)
	}
	if tc.WantErrorCode != nil && e.Code != *tc.WantErrorCode {
		t.Errorf("code %s, want %s: %v", e.Code, *tc.WantErrorCode, err)
	}
	if tc.WantError != nil && !strings.Contains(e.Message, *tc.WantError) {
		t.Errorf("message %q, want %q in it", e.Message, *tc.WantError)
	}
}

// jsonValue makes numbers of YAML and of Rego comparable.
func jsonValue(t *testing.T, v any) any {
	t.Helper()
	if err := util.RoundTrip(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
