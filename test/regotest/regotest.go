// SPDX-License-Identifier: Apache-2.0

// Package regotest runs the tests beside modules in Rego, and keeps the generated
// part of their README.md.
package regotest

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"
)

// Run runs the tests in paths as `opa test` does, each for at most patience, and
// demands that they reach every expression but those that exempt names by file,
// module and row.
func Run(t *testing.T, patience time.Duration, paths []string, exempt func(file string, m *ast.Module, row int) bool) {
	t.Helper()
	modules, store, err := tester.LoadWithRegoVersion(paths, nil, ast.RegoV1)
	if err != nil {
		t.Fatal(err)
	}
	coverage := cover.New()
	if err := storage.Txn(t.Context(), store, storage.TransactionParams{}, func(txn storage.Transaction) error {
		results, err := tester.NewRunner().SetTimeout(patience).SetStore(store).SetModules(modules).SetCoverageQueryTracer(coverage).RunTests(t.Context(), txn)
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
			if !exempt(file, modules[file], missed.Start.Row) {
				t.Errorf("%s:%d: no test reaches it", file, missed.Start.Row)
			}
		}
	}
}

// Readme compares what follows the line marker in README.md with reference, and
// writes it there if update is set.
func Readme(t *testing.T, marker, reference string, update bool) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	preamble, _, ok := bytes.Cut(readme, []byte(marker))
	if !ok {
		t.Fatalf("README.md has no line %s", marker)
	}
	want := string(preamble) + marker + reference
	if update {
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(readme)); diff != "" {
		t.Errorf("README.md; write it with -update (-want +got):\n%s", diff)
	}
}
