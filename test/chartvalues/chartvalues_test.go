// SPDX-License-Identifier: Apache-2.0

package chartvalues_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/test/chartvalues"
)

const (
	chart      = "../../charts/opa-ratify"
	gatekeeper = "../../bundles/gatekeeper"
	ratify     = "../../bundles/ratify"
)

var update = flag.Bool("update", false, "write the chart's schema, table and copies")

// The chart's generated files are what its values and the bundle for Gatekeeper say.
func TestGenerated(t *testing.T) {
	t.Parallel()
	sections, err := chartvalues.Read(read(t, filepath.Join(chart, "values.yaml")))
	fatal(t, err)
	schema, err := chartvalues.Schema(sections)
	fatal(t, err)
	generated(t, "values.schema.json", schema)
	table, err := chartvalues.Table(sections)
	fatal(t, err)
	generated(t, "README.md", between(t, read(t, filepath.Join(chart, "README.md")), table))
	generated(t, "files/values/trust.rego", read(t, filepath.Join(gatekeeper, "trust/trust.rego")))
	for _, name := range []string{"trust.rego", "resources.rego"} {
		generated(t, "files/ratify/"+name, read(t, filepath.Join(ratify, "trust", name)))
	}
	generated(t, "files/templates.yaml", read(t, filepath.Join(gatekeeper, "kubernetes/templates/templates.yaml")))
	generated(t, "files/constraints.yaml", constraints(t))
}

// constraints are the bundle's, by the kind of their template.
func constraints(t *testing.T) []byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(gatekeeper, "kubernetes/constraints/*/constraint.yaml"))
	fatal(t, err)
	byKind := map[string]any{}
	for _, path := range paths {
		var constraint map[string]any
		fatal(t, yaml.Unmarshal(read(t, path), &constraint))
		byKind[constraint["kind"].(string)] = constraint
	}
	var b bytes.Buffer
	b.WriteString("# SPDX-License-Identifier: Apache-2.0\n#\n# The constraints of bundles/gatekeeper, by kind. Written by `make generate`.\n")
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	fatal(t, encoder.Encode(byKind))
	return b.Bytes()
}

// between puts the table between its marks.
func between(t *testing.T, page []byte, table string) []byte {
	t.Helper()
	const begin, end = "<!-- begin values: make generate -->\n", "<!-- end values -->\n"
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("README.md has no place between %s and %s", begin, end)
	}
	return []byte(before + begin + table + end + after)
}

// generated compares a file of the chart with what it must be, or writes it.
func generated(t *testing.T, name string, want []byte) {
	t.Helper()
	path := filepath.Join(chart, name)
	if *update {
		fatal(t, os.WriteFile(path, want, 0o600))
		return
	}
	if diff := cmp.Diff(string(want), string(read(t, path))); diff != "" {
		t.Errorf("%s is out of date; run make generate (-want +got):\n%s", path, diff)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, values, want string }{
		{"no comment", "a: 1", "a: has no comment; say what it means"},
		{"no comment, deep", "# x\na:\n  b: 1", "a.b: has no comment; say what it means"},
		{"open list", "# A list.\na: []", "a: the default implies no schema; write @schema {} or what it holds"},
		{"open object", "# An object.\na: {}", "a: the default implies no schema; write @schema {} or what it holds"},
		{"nothing", "# Nothing.\na: null", "a: the default implies no schema; write @schema {} or what it holds"},
		{"not YAML", "# A.\n# @schema {\na: 1", "a: @schema: yaml: line 1: did not find expected node content"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := chartvalues.Read([]byte(tt.values))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	sections, err := chartvalues.Read([]byte("# == Pods\n\n# How many.\n# @schema {minimum: 1}\nreplicas: 2\nimage:\n  # When.\n  # @schema {enum: [Always, Never]}\n  pull: Never\n"))
	fatal(t, err)
	raw, err := chartvalues.Schema(sections)
	fatal(t, err)
	var got map[string]any
	fatal(t, yaml.Unmarshal(raw, &got))
	want := map[string]any{
		"global":   map[string]any{"type": "object", "description": "What Helm hands to every chart of a parent."},
		"replicas": map[string]any{"type": "integer", "description": "How many.", "minimum": 1},
		"image": map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{
			"pull": map[string]any{"description": "When.", "enum": []any{"Always", "Never"}},
		}},
	}
	if diff := cmp.Diff(want, got["properties"]); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
	table, err := chartvalues.Table(sections)
	fatal(t, err)
	wantTable := "\n### Pods\n\n| value | default | meaning |\n| --- | --- | --- |\n| `replicas` | `2` | How many. |\n| `image.pull` | `Never` | When. |\n\n"
	if diff := cmp.Diff(wantTable, table); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	fatal(t, err)
	return raw
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
