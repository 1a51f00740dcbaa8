// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"
)

// TestRego runs the tests beside the rules as `opa test` does, and demands that
// they reach every expression.
//
//nolint:paralleltest // other tests let OPA write syntax with places, tenfold: see input.value
func TestRego(t *testing.T) {
	modules, store, err := tester.LoadWithRegoVersion([]string{"finding", "places", "report", "rules", "sample", "syntax"}, nil, ast.RegoV1)
	if err != nil {
		t.Fatal(err)
	}
	coverage := cover.New()
	if err := storage.Txn(t.Context(), store, storage.TransactionParams{}, func(txn storage.Transaction) error {
		results, err := tester.NewRunner().SetTimeout(time.Minute).SetStore(store).SetModules(modules).SetCoverageQueryTracer(coverage).RunTests(t.Context(), txn)
		if err != nil {
			return err
		}
		count := 0
		for r := range results {
			if count++; !r.Pass() {
				t.Errorf("%v %s.%s: %v %s", r.Location, r.Package, r.Name, r.Error, r.Output)
			}
		}
		if count == 0 {
			t.Error("no tests were found")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for file, report := range coverage.Report(modules).Files {
		for _, missed := range report.NotCovered {
			if !strings.HasSuffix(file, "_test.rego") {
				t.Errorf("%s:%d: no test reaches it", file, missed.Start.Row)
			}
		}
	}
}
