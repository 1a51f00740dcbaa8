// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/opa-ratify/opa-ratify/builtins"
)

// Whatever JSON a stranger attached, it becomes an object within bounds, or an
// error.
func FuzzParseObject(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":[1,2.5e3,null,true,"x"]}`, `[]`, `null`, `{"a":1,"a":2}`, `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		`{"a":1e999999999}`, `{"\ud800":"\udfff"}`, `{"a":1} {"b":2}`, `{"a"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := builtins.ParseObject(raw)
		if err != nil {
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("%q is not JSON and became %v", raw, v)
		}
		if _, ok := v.(ast.Object); !ok {
			t.Fatalf("%q became %T", raw, v)
		}
		if depth := depthOf(v); depth > 64 {
			t.Fatalf("%d levels", depth)
		}
	})
}

func depthOf(v ast.Value) int {
	deepest := 0
	ast.NewGenericVisitor(func(x any) bool {
		if t, ok := x.(*ast.Term); ok && t.Value != v {
			if deeper := depthOf(t.Value); deeper > deepest {
				deepest = deeper
			}
			return true
		}
		return false
	}).Walk(v)
	switch v.(type) {
	case ast.Object, *ast.Array:
		return deepest + 1
	}
	return deepest
}
