// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"
	"github.com/open-policy-agent/opa/v1/format"
	oparego "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/opa-ratify/opa-ratify/test/regotest"
)

const defaultBundle = "../bundles/default"

// patience is for the race detector on a busy machine; `opa test` gives a test 5 s.
const patience = 2 * time.Minute

// TestRego runs the tests beside the library and the default bundle as
// `opa test` does, and demands that they reach every expression.
func TestRego(t *testing.T) {
	t.Parallel()
	regotest.Run(t, patience, []string{"ratify", defaultBundle}, func(file string, m *ast.Module, row int) bool {
		return file == defaultBundle+"/trust/trust.rego" && defaultAt(m, row)
	})
}

// defaultAt tells defaults for data that is not there, which is there in every
// test in Rego: TestDefaultBundleWithoutData is about them.
func defaultAt(m *ast.Module, row int) bool {
	return slices.ContainsFunc(m.Rules, func(r *ast.Rule) bool { return r.Default && r.Location.Row == row })
}

func TestFormatted(t *testing.T) {
	t.Parallel()
	modules, _, err := tester.LoadWithRegoVersion([]string{"ratify", defaultBundle}, nil, ast.RegoV1)
	if err != nil {
		t.Fatal(err)
	}
	for file := range modules {
		source := read(t, file)
		formatted, err := format.SourceWithOpts(file, source, format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(source, formatted) {
			t.Errorf("%s is not formatted", file)
		}
	}
}

const question = `{"image": "nginx", "namespace": "", "key": "nginx", "operation": "verify"}`

// TestBuild: a bundle carries the policy and not the library, optimised or not,
// and decides the same.
func TestBuild(t *testing.T) {
	t.Parallel()
	for name, optimisation := range map[string]int{"as it is": 0, "optimised": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c := compile.New().WithAsBundle(true).WithPaths(defaultBundle).WithOutput(&out).WithRegoVersion(ast.RegoV1).
				WithOptimizationLevel(optimisation).WithEntrypoints("trust/allow", "trust/report", "trust/reasons")
			if err := c.Build(context.Background()); err != nil {
				t.Fatal(err)
			}
			b, err := bundle.NewReader(&out).Read()
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range b.Modules {
				if m.Parsed.Package.Path.HasPrefix(ast.MustParseRef("data.ratify")) {
					t.Errorf("%s of the library is in the bundle", m.Path)
				}
			}
			decide(t, "no_trust_policy: data.trust.policies is empty: no signer of nginx is trusted; add a policy to it", oparego.ParsedBundle("default", &b))
		})
	}
}

func TestDefaultBundleWithoutData(t *testing.T) {
	t.Parallel()
	decide(t, "no_trust_policy: data.trust.policies must be a list of policies, is null",
		oparego.Module("trust.rego", string(read(t, defaultBundle+"/trust/trust.rego"))))
}

// decide expects one reason against admission.
func decide(t *testing.T, reason string, options ...func(*oparego.Rego)) {
	t.Helper()
	input, err := ast.ValueFromReader(bytes.NewReader([]byte(question)))
	if err != nil {
		t.Fatal(err)
	}
	options = append(options, oparego.ParsedInput(input), oparego.Query("data.trust.allow = false; data.trust.reasons[_] = x"))
	results, err := oparego.New(options...).Eval(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 || results[0].Bindings["x"] != reason {
		t.Errorf("allow is false for %v, want %q", results, reason)
	}
}
