// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/opa-ratify/opa-ratify/builtins"
)

// pure lists the built-ins that depend on nothing but their operands.
var pure = map[string]bool{"ratify.reference.parse": true, "ratify.reference.matches": true}

func TestEveryDeclarationIsSound(t *testing.T) {
	t.Parallel()
	for _, d := range builtins.Declarations() {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			if !strings.HasPrefix(d.Name, "ratify.") {
				t.Errorf("name is not in ratify.*")
			}
			if len(d.Description) < 40 || !strings.HasSuffix(d.Description, ".") {
				t.Errorf("description %q is not a sentence", d.Description)
			}
			if d.Nondeterministic == pure[d.Name] {
				t.Errorf("nondeterministic = %v", d.Nondeterministic)
			}
			for i, arg := range d.Decl.NamedFuncArgs().Args {
				described(t, "operand", i+1, arg)
			}
			described(t, "result", 0, d.Decl.NamedResult())
		})
	}
}

func described(t *testing.T, what string, i int, typ types.Type) {
	t.Helper()
	named, ok := typ.(*types.NamedType)
	if !ok {
		t.Errorf("%s %d has no name", what, i)
		return
	}
	if len(named.Descr) < 10 {
		t.Errorf("%s %d (%s) has no description", what, i, named.Name)
	}
	sound(t, named.Name, named.Type, what == "result")
}

// sound walks a type. Below the top level a named type makes OPA's type checker
// panic, a static array is a tuple and not a list, and an open result hides a
// policy's misspelt field.
func sound(t *testing.T, path string, typ types.Type, closed bool) {
	t.Helper()
	switch typ := typ.(type) {
	case *types.NamedType:
		t.Errorf("%s: named type %s below the top level", path, typ.Name)
	case *types.Array:
		if typ.Len() != 0 {
			t.Errorf("%s: array of fixed length", path)
		}
		sound(t, path+"[_]", typ.Dynamic(), closed)
	case *types.Object:
		dynamic := typ.DynamicValue()
		if closed && dynamic != nil && len(typ.Keys()) > 0 {
			t.Errorf("%s: fixed fields and others beside them", path)
		}
		for _, key := range typ.Keys() {
			name, _ := key.(string)
			sound(t, path+"."+name, typ.Select(key), closed)
		}
		if dynamic != nil {
			sound(t, path+"[_]", dynamic, closed)
		}
	case types.Any:
		for _, of := range typ {
			sound(t, path, of, closed)
		}
	}
}

func TestCapabilitiesAreGenerated(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(ast.CapabilitiesForThisVersion()); err != nil {
		t.Fatal(err)
	}
	compareFile(t, "capabilities.json", b.Bytes())
}
