// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/opa-ratify/opa-ratify/test/regotest"
)

var update = flag.Bool("update", false, "write the generated part of README.md")

const marker = "<!-- From here on generated from METADATA: go generate ./rego -->\n"

// TestReadme compares the reference in README.md with the METADATA of the library.
func TestReadme(t *testing.T) {
	t.Parallel()
	regotest.Readme(t, marker, reference(t), *update)
}

// reference describes every package and every public rule.
func reference(t *testing.T) string {
	t.Helper()
	paths, err := filepath.Glob("ratify/*/*.rego")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.rego") {
			continue
		}
		m, err := ast.ParseModuleWithOpts(path, string(read(t, path)), ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true})
		if err != nil {
			t.Fatal(err)
		}
		describePackage(t, &out, m)
	}
	return out.String()
}

func describePackage(t *testing.T, out *strings.Builder, m *ast.Module) {
	t.Helper()
	about := annotation(t, m.Annotations, m.Package.Location, "package")
	fmt.Fprintf(out, "\n## %v\n\n**%s.** %s\n", m.Package.Path, about.Title, strings.TrimSpace(about.Description))
	described := map[string]bool{}
	for _, rule := range m.Rules {
		name := rule.Head.Name.String()
		if strings.HasPrefix(name, "_") || described[name] {
			continue
		}
		described[name] = true
		about := annotation(t, rule.Annotations, rule.Location, name)
		fmt.Fprintf(out, "\n### `%s`\n\n**%s.** %s\n", signature(m, name), about.Title, strings.TrimSpace(about.Description))
	}
}

// annotation wants a title and a description.
func annotation(t *testing.T, annotations []*ast.Annotations, at *ast.Location, name string) *ast.Annotations {
	t.Helper()
	if len(annotations) == 0 || annotations[0].Title == "" || annotations[0].Description == "" {
		t.Errorf("%v: %s has no METADATA with title and description", at, name)
		return &ast.Annotations{}
	}
	return annotations[0]
}

// signature is the name of a rule, and of its operands if it is a function.
func signature(m *ast.Module, name string) string {
	for _, rule := range m.Rules {
		if rule.Head.Name.String() == name && len(rule.Head.Args) > 0 && !rule.Default {
			var operands []string
			for _, arg := range rule.Head.Args {
				operands = append(operands, arg.String())
			}
			return name + "(" + strings.Join(operands, ", ") + ")"
		}
	}
	return name
}
