// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/opa-ratify/opa-ratify/builtins"
)

const (
	beginReference = "<!-- begin generated reference: make generate -->\n"
	endReference   = "<!-- end generated reference -->\n"
)

func TestReadmeIsGenerated(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), beginReference)
	_, after, ok2 := strings.Cut(rest, endReference)
	if !ok || !ok2 {
		t.Fatal("README.md has lost the marks around its generated part")
	}
	var b strings.Builder
	b.WriteString(before + beginReference)
	for _, d := range builtins.Declarations() {
		document(&b, d)
	}
	b.WriteString(endReference + after)
	compareFile(t, "README.md", []byte(b.String()))
}

func document(b *strings.Builder, d *ast.Builtin) {
	args := d.Decl.NamedFuncArgs().Args
	names := make([]string, len(args))
	for i, a := range args {
		names[i] = nameOf(a)
	}
	result := d.Decl.NamedResult()
	fmt.Fprintf(b, "\n### `%s := %s(%s)`\n\n%s\n\n| | type | meaning |\n| --- | --- | --- |\n", nameOf(result), d.Name, strings.Join(names, ", "), d.Description)
	for _, t := range append(args, result) {
		named, ok := t.(*types.NamedType)
		if !ok {
			continue
		}
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", named.Name, shape(named.Type), named.Descr)
	}
}

func nameOf(t types.Type) string {
	if named, ok := t.(*types.NamedType); ok {
		return named.Name
	}
	return "_"
}

// shape writes a type as a person would.
func shape(t types.Type) string {
	switch t := t.(type) {
	case *types.Array:
		return "[" + shape(t.Dynamic()) + ", …]"
	case *types.Object:
		return objectShape(t)
	case types.Any:
		if len(t) == 0 {
			return "any"
		}
		parts := make([]string, len(t))
		for i, of := range t {
			parts[i] = shape(of)
		}
		return strings.Join(parts, " or ")
	default:
		return t.String()
	}
}

func objectShape(o *types.Object) string {
	var parts []string
	for _, key := range o.Keys() {
		parts = append(parts, fmt.Sprintf("%v: %s", key, shape(o.Select(key))))
	}
	if o.DynamicValue() != nil {
		parts = append(parts, "string: "+shape(o.DynamicValue()))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
