// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

var update = flag.Bool("update", false, "write the table of settings to the README of the plugin")

// The README of the plugin lists every setting with its default and the comment
// of its field.
func TestReferenceListsEverySetting(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../plugin/README.md", "<!-- begin settings -->\n", "<!-- end settings -->\n"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no table between %s and %s", path, begin, end)
	}
	want := "\n| setting | default | meaning |\n| --- | --- | --- |\n" +
		strings.Join(rows(reflect.ValueOf(*config.Default()), "", comments(t)), "") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s is out of date; run go test ./builtins/internal/config -run Reference -update (-want +got):\n%s", path, diff)
	}
}

// rows lists the settings of a struct, those of nested structs below it.
func rows(v reflect.Value, path string, comments map[string]string) []string {
	var out []string
	for i := range v.NumField() {
		field, name := v.Type().Field(i), v.Type().Field(i).Tag.Get("yaml")
		if when := v.Type().Field(i).Tag.Get("when"); when != "" {
			out = append(out, rows(v.Field(i), strings.TrimSuffix(path, "[].")+"["+when+"].", comments)...)
			continue
		}
		if name == "-" {
			continue
		}
		if v.Type().Field(i).Tag.Get("inline") != "" {
			out = append(out, rows(v.Field(i), path, comments)...)
			continue
		}
		comment := comments[v.Type().Name()+"."+field.Name]
		switch {
		case field.Type.Kind() == reflect.Struct:
			out = append(out, rows(v.Field(i), path+name+".", comments)...)
		case field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct && !isScalar(field.Type.Elem()):
			out = append(out, row(path+name, "", comment))
			out = append(out, rows(reflect.Zero(field.Type.Elem()), path+name+"[].", comments)...)
		default:
			out = append(out, row(path+name, show(v.Field(i)), comment))
		}
	}
	return out
}

// isScalar tells the structs that are written as one value.
func isScalar(t reflect.Type) bool {
	return t == reflect.TypeFor[netip.Prefix]() || t == reflect.TypeFor[reference.Scope]()
}

func row(name, value, comment string) string {
	if value != "" {
		value = "`" + value + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s |\n", name, value, strings.ReplaceAll(comment, "|", `\|`))
}

func show(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case []reference.Scope, []netip.Prefix, []string:
		return ""
	default:
		if v.IsZero() && v.Kind() != reflect.Bool {
			return ""
		}
		return fmt.Sprint(value)
	}
}

// comments maps Type.Field to the comment of the field without its name.
func comments(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("fields*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool { return fieldComments(t, n, out) })
	}
	return out
}

func fieldComments(t *testing.T, n ast.Node, out map[string]string) bool {
	t.Helper()
	spec, ok := n.(*ast.TypeSpec)
	if !ok {
		return true
	}
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		return false
	}
	for _, f := range s.Fields.List {
		text := strings.Join(strings.Fields(f.Doc.Text()), " ")
		if !strings.HasPrefix(text, f.Names[0].Name+" ") {
			t.Errorf("%s.%s: the comment does not begin with the name", spec.Name, f.Names[0])
		}
		out[spec.Name.Name+"."+f.Names[0].Name] = strings.TrimPrefix(text, f.Names[0].Name+" ")
	}
	return false
}
