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
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", named.Name, short(named.Type), named.Descr)
	}
	if named, ok := result.(*types.NamedType); ok && short(named.Type) != shape(named.Type) {
		fmt.Fprintf(b, "\n```\n%s\n```\n", indented(named.Type, ""))
	}
}

func nameOf(t types.Type) string {
	if named, ok := t.(*types.NamedType); ok {
		return named.Name
	}
	return "_"
}

// short is the shape of a type that fits a table.
func short(t types.Type) string {
	const most = 120
	if s := shape(t); len(s) <= most {
		return s
	}
	switch t := t.(type) {
	case *types.Array:
		return "[object, …]"
	case types.Any:
		return shape(t)
	default:
		return "object"
	}
}

// indented is the shape of a type over several lines.
func indented(t types.Type, indent string) string {
	const width = 110
	if s := shape(t); len(indent)+len(s) <= width {
		return s
	}
	switch t := t.(type) {
	case *types.Array:
		return "[" + indented(t.Dynamic(), indent) + ", …]"
	case *types.Object:
		var b strings.Builder
		for _, key := range t.Keys() {
			fmt.Fprintf(&b, "\n%s  %v: %s,", indent, key, indented(t.Select(key), indent+"  "))
		}
		return "{" + strings.TrimSuffix(b.String(), ",") + "\n" + indent + "}"
	default:
		return shape(t)
	}
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
	if o.DynamicValue() != nil && len(parts) == 0 {
		parts = append(parts, "string: "+shape(o.DynamicValue()))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
