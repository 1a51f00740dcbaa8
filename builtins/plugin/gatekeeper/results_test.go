// SPDX-License-Identifier: Apache-2.0

package gatekeeper_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/opa-ratify/opa-ratify/builtins/plugin/gatekeeper"
)

// aRef is one of a few thousand references: rules, parts of them, and functions
// with operands.
func aRef(r *rand.Rand, of int) ast.Ref {
	ref := ast.Ref{ast.DefaultRootDocument, ast.StringTerm(fmt.Sprint("p", r.IntN(3))), ast.StringTerm(fmt.Sprint("r", r.IntN(of)))}
	switch r.IntN(4) {
	case 0:
		return ref.Append(ast.IntNumberTerm(r.IntN(of)))
	case 1:
		return ast.Ref{ast.NewTerm(ref), ast.ObjectTerm(ast.Item(ast.StringTerm("k"), ast.IntNumberTerm(r.IntN(of)))), ast.StringTerm("x")}
	default:
		return ref
	}
}

// Whatever an evaluation does, it must see what it would see with OPA's own cache.
func TestResultsAnswerAsOPAsCacheDoes(t *testing.T) {
	t.Parallel()
	var got gatekeeper.Results
	for _, size := range []int{3, 40, 400} { // the last needs an index
		r := rand.New(rand.NewPCG(1, uint64(size)))
		want := topdown.NewVirtualCache()
		got.Begin(nil)
		depth := 0
		for range 4_000 {
			ref := aRef(r, size)
			switch action := r.IntN(100); {
			case action == 0 && depth < 5:
				want.Push()
				got.Push()
				depth++
			case action == 1 && depth > 0:
				want.Pop()
				got.Pop()
				depth--
			case action < 30:
				if value, undefined := want.Get(ref); value == nil && !undefined { // as topdown does: once
					value = ast.StringTerm(fmt.Sprint(action))
					if action < 5 {
						value = nil
					}
					want.Put(ref, value)
					got.Put(ref, value)
				}
			default:
				value, undefined := want.Get(ref)
				if v, u := got.Get(ref); v != value || u != undefined {
					t.Fatalf("%v: got %v, %v; want %v, %v", ref, v, u, value, undefined)
				}
			}
		}
		if diff := cmp.Diff(texts(want.Keys()), texts(got.Keys())); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
	}
}

func texts(refs []ast.Ref) []string {
	out := make([]string, len(refs))
	for i, ref := range refs {
		out[i] = fmt.Sprint([]*ast.Term(ref))
	}
	slices.Sort(out)
	return out
}

func TestDocumentsAreFoundAsPartsOfLargerOnes(t *testing.T) {
	t.Parallel()
	var d gatekeeper.Documents
	for _, n := range []int{1, 100} { // a hundred need an index
		d.Begin()
		for i := range n {
			d.Put(ast.MustParseRef(fmt.Sprintf("data.trust.d%d", i)), ast.MustParseTerm(fmt.Sprintf(`{"a": {"b": %d}}`, i)).Value)
		}
		last := fmt.Sprintf("data.trust.d%d", n-1)
		for ref, want := range map[string]ast.Value{
			last:                ast.MustParseTerm(fmt.Sprintf(`{"a": {"b": %d}}`, n-1)).Value,
			last + ".a.b":       ast.Number(fmt.Sprint(n - 1)),
			last + ".a.missing": nil,
			"data.trust":        nil,
			"data.trust.other":  nil,
			"data":              nil,
		} {
			if got := d.Get(ast.MustParseRef(ref)); got != want && (got == nil || want == nil || got.Compare(want) != 0) {
				t.Errorf("%s: got %v, want %v", ref, got, want)
			}
		}
	}
	d.Begin()
	if got := d.Get(ast.MustParseRef("data.trust.d0")); got != nil {
		t.Errorf("after Begin: %v", got)
	}
}
