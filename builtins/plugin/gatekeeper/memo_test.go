// SPDX-License-Identifier: Apache-2.0

package gatekeeper_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/opa-ratify/opa-ratify/builtins"
	"github.com/opa-ratify/opa-ratify/builtins/plugin/gatekeeper"
)

// call is a call of a function that is kept.
func call(operands ...*ast.Term) ast.Ref {
	value := ast.Ref{ast.DefaultRootDocument, ast.StringTerm("ratify"), ast.StringTerm("gatekeeper"), ast.StringTerm("_value")}
	return append(ast.Ref{ast.NewTerm(value)}, operands...)
}

func evaluation(m *gatekeeper.Memo) *gatekeeper.Results {
	r := &gatekeeper.Results{}
	r.Begin(m)
	return r
}

func TestResultsOfFunctionsAreKeptForEqualOperands(t *testing.T) {
	t.Parallel()
	m := gatekeeper.NewMemo()
	kept := ast.MustParseTerm(`{"isSuccess": true}`)
	evaluation(m).Put(call(ast.BooleanTerm(true), ast.MustParseTerm(`{"digest": "a"}`)), kept)
	for _, tt := range []struct {
		name string
		call ast.Ref
		want *ast.Term
	}{
		{"equal operands", call(ast.BooleanTerm(true), ast.MustParseTerm(`{"digest": "a"}`)), kept},
		{"another operand", call(ast.BooleanTerm(true), ast.MustParseTerm(`{"digest": "b"}`)), nil},
		{"fewer operands", call(ast.BooleanTerm(true)), nil},
		{"another function", ast.Ref{ast.NewTerm(gatekeeper.Functions()[1]), ast.BooleanTerm(true), ast.MustParseTerm(`{"digest": "a"}`)}, nil},
		{"a rule", gatekeeper.Functions()[0], nil},
	} {
		if got, undefined := evaluation(m).Get(tt.call); got != tt.want || undefined {
			t.Errorf("%s: got %v, %v", tt.name, got, undefined)
		}
	}
	if got, _ := evaluation(gatekeeper.NewMemo()).Get(call(ast.BooleanTerm(true), ast.MustParseTerm(`{"digest": "a"}`))); got != nil {
		t.Errorf("other policies: %v", got)
	}
}

// What a function does below "with" depends on what is replaced.
func TestNothingIsKeptBelowWith(t *testing.T) {
	t.Parallel()
	m := gatekeeper.NewMemo()
	r := evaluation(m)
	r.Push()
	r.Put(call(ast.StringTerm("a")), ast.StringTerm("replaced"))
	r.Pop()
	r.Put(call(ast.StringTerm("b")), ast.StringTerm("kept"))
	r.Push()
	if got, _ := r.Get(call(ast.StringTerm("b"))); got != nil {
		t.Errorf("below with: %v", got)
	}
	r.Pop()
	if got, _ := evaluation(m).Get(call(ast.StringTerm("a"))); got != nil {
		t.Errorf("kept from below with: %v", got)
	}
}

// Undefined is not kept, and neither are rules: what is allowed is found anew.
func TestOnlyDefinedFunctionsAreKept(t *testing.T) {
	t.Parallel()
	m := gatekeeper.NewMemo()
	r := evaluation(m)
	r.Put(call(ast.StringTerm("a")), nil)
	r.Put(ast.MustParseRef("data.trust.allow"), ast.BooleanTerm(true))
	r.Put(ast.Ref{ast.NewTerm(ast.MustParseRef("data.trust.f")), ast.StringTerm("a")}, ast.BooleanTerm(true))
	if n, _ := m.Size(); n != 0 {
		t.Errorf("%d results are kept", n)
	}
}

// Threat: whoever can name images could fill the memory of the process.
func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	m := gatekeeper.NewMemo()
	r := evaluation(m)
	long := strings.Repeat("x", 100<<10)
	for i := range 300 {
		r.Begin(m)
		r.Put(call(ast.StringTerm(fmt.Sprint(i, long))), ast.StringTerm(fmt.Sprint(i, long)))
	}
	n, bytes := m.Size()
	if bytes > gatekeeper.MemoBytes || n == 0 || n > 100 {
		t.Errorf("%d results, %d bytes", n, bytes)
	}
	if got, _ := evaluation(m).Get(call(ast.StringTerm(fmt.Sprint(299, long)))); got == nil {
		t.Error("the latest is gone")
	}
	huge := ast.StringTerm(strings.Repeat("x", gatekeeper.MemoBytes))
	evaluation(m).Put(call(huge), huge)
	if after, _ := m.Size(); after != n {
		t.Errorf("one that is larger than the memo: %d results before, %d after", n, after)
	}
}

// Settings come as a new term for every evaluation; one copy is kept.
func TestEqualOperandsAreKeptOnce(t *testing.T) {
	t.Parallel()
	m := gatekeeper.NewMemo()
	settings := strings.Repeat("x", 100<<10)
	for i := range 300 {
		evaluation(m).Put(call(ast.ArrayTerm(ast.StringTerm(settings)), ast.IntNumberTerm(i)), ast.BooleanTerm(true))
	}
	if n, bytes := m.Size(); n != 300 || bytes > 1<<20 {
		t.Errorf("%d results, %d bytes", n, bytes)
	}
}

func TestMemoMayBeShared(t *testing.T) {
	t.Parallel()
	m := gatekeeper.NewMemo()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 2000 {
				r := evaluation(m)
				operand := ast.ArrayTerm(ast.IntNumberTerm(i%50), ast.ObjectTerm(ast.Item(ast.StringTerm("b"), ast.IntNumberTerm(1)), ast.Item(ast.StringTerm("a"), ast.IntNumberTerm(2))))
				want := ast.IntNumberTerm(i % 50)
				if got, _ := r.Get(call(operand)); got == nil {
					r.Put(call(operand), want)
				} else if !got.Equal(want) {
					t.Errorf("%d: got %v", i, got)
				}
			}
		})
	}
	wg.Wait()
}

// What is kept looks at nothing but its operands: no input, no data, no clock and
// no network, and neither do the rules it refers to.
func TestKeptFunctionsArePure(t *testing.T) {
	t.Parallel()
	c := library(t)
	for _, f := range gatekeeper.Functions() {
		if why := impurity(c, f, map[string]bool{}); why != "" {
			t.Errorf("%v: %s", f, why)
		}
		for _, rule := range c.GetRulesExact(f) {
			if len(rule.Head.Args) == 0 {
				t.Errorf("%v is no function", f)
			}
		}
	}
	for _, f := range []string{
		"data.ratify.gatekeeper.item", "data.ratify.gatekeeper._report", "data.ratify.gatekeeper._reference",
		"data.ratify.quorum.evaluation", "data.ratify.policy.decision", "data.ratify.policy.none",
	} {
		if impurity(c, ast.MustParseRef(f), map[string]bool{}) == "" {
			t.Errorf("%s passes for pure", f)
		}
	}
}

// library is the Rego library, compiled.
func library(t *testing.T) *ast.Compiler {
	t.Helper()
	names, err := filepath.Glob("../../../rego/ratify/*/*.rego")
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]*ast.Module{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.rego") {
			modules[name] = ast.MustParseModule(string(text))
		}
	}
	capabilities := ast.CapabilitiesForThisVersion()
	capabilities.Builtins = append(capabilities.Builtins, builtins.Declarations()...)
	c := ast.NewCompiler().WithCapabilities(capabilities)
	if c.Compile(modules); c.Failed() {
		t.Fatal(c.Errors)
	}
	return c
}

// impurity says why the answer of a rule or function may depend on more than its
// operands; "": it does not.
func impurity(c *ast.Compiler, f ast.Ref, seen map[string]bool) (why string) {
	if seen[f.String()] {
		return ""
	}
	seen[f.String()] = true
	rules := c.GetRulesExact(f)
	if len(rules) == 0 {
		return "there is no " + f.String()
	}
	for _, rule := range rules {
		ast.WalkWiths(rule, func(*ast.With) bool { why = f.String() + " has with"; return true })
		ast.WalkRefs(rule, func(ref ast.Ref) bool {
			if why == "" {
				why = impureRef(c, ref, seen)
			}
			return false
		})
	}
	return why
}

func impureRef(c *ast.Compiler, ref ast.Ref, seen map[string]bool) string {
	switch {
	case ref[0].Equal(ast.InputRootDocument):
		return "refers to " + ref.String()
	case ref[0].Equal(ast.DefaultRootDocument):
		for n := len(ref); n > 1; n-- {
			if ref[:n].IsGround() && len(c.GetRulesExact(ref[:n])) > 0 {
				return impurity(c, ref[:n], seen)
			}
		}
		return "refers to " + ref.String()
	}
	for _, b := range c.Capabilities().Builtins {
		if b.Nondeterministic && b.Name == ref.String() {
			return "calls " + b.Name
		}
	}
	return ""
}
