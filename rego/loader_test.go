// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	oparego "github.com/open-policy-agent/opa/v1/rego"

	"github.com/opa-ratify/opa-ratify/rego"
)

func parse(t *testing.T, sources map[string]string) map[string]*ast.Module {
	t.Helper()
	modules := map[string]*ast.Module{}
	for file, source := range sources {
		m, err := ast.ParseModuleWithOpts(file, source, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		modules[file] = m
	}
	return modules
}

func compiled(t *testing.T, sources map[string]string) *ast.Compiler {
	t.Helper()
	c := ast.NewCompiler().WithStrict(true)
	c.Compile(parse(t, sources))
	return c
}

func loaded(c *ast.Compiler) []string {
	var topics []string
	for _, file := range slices.Sorted(maps.Keys(c.Modules)) {
		if strings.HasPrefix(file, "library/") {
			topics = append(topics, strings.Split(file, "/")[2])
		}
	}
	return topics
}

// topics are the folders of the library.
func topics(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("ratify")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestLoad(t *testing.T) {
	t.Parallel()
	every := topics(t)
	for _, tt := range []struct {
		name, source string
		want         []string
	}{
		{"nothing is asked for", `x := 1`, nil},
		{"imported, not used in a rule", `x := data.other.ratify`, nil},
		{"used with an import", "import data.ratify.report\nx := report.codes(input)", []string{"report"}},
		{"used by an alias", "import data.ratify.report as r\nx := r.codes(input)", []string{"report"}},
		{"used in full", `x := data.ratify.report.codes(input)`, []string{"report"}},
		{"what a topic needs comes along", `x := data.ratify.policy.decision(input, data.y)`, []string{"exemption", "policy", "policy_settings", "quorum", "report", "threshold"}},
		{"scans and statements", `x := data.ratify.vulnerability.decision([], [], {})`, []string{"evidence", "settings", "vex", "vulnerability", "vulnerability_report"}},
		{"replaced in a test", `test_x if true with data.ratify.images.references as set()`, []string{"images"}},
		{"all of it", `x := data.ratify`, every},
		{"any of it", `x := data.ratify[_]`, every},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := compiled(t, map[string]string{"p.rego": "package p\n" + tt.source})
			if c.Failed() {
				t.Fatal(c.Errors)
			}
			if diff := cmp.Diff(tt.want, loaded(c)); diff != "" {
				t.Errorf("topics (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAlways changes a setting of the process; tests that are not parallel are over
// before those that are go on.
//
//nolint:paralleltest // see above
func TestAlways(t *testing.T) {
	rego.Always("gatekeeper")
	defer rego.Always()
	c := compiled(t, nil)
	if diff := cmp.Diff([]string{"compatibility", "gatekeeper", "report"}, loaded(c)); diff != "" || c.Failed() {
		t.Errorf("topics (-want +got):\n%s\nerrors: %v", diff, c.Errors)
	}
	if len(c.GetRulesExact(ast.MustParseRef("data.ratify.gatekeeper.item"))) == 0 {
		t.Error("data.ratify.gatekeeper.item is not defined")
	}
}

// TestStrictImports: OPA reports every import as unused once a loader returned
// modules, see dropUsedImports.
func TestStrictImports(t *testing.T) {
	t.Parallel()
	c := compiled(t, map[string]string{"p.rego": `package p

import data.ratify.images
import data.ratify.report
import data.unused
import input.image as i
import input.nothing

x := report.codes(data.y)

y := i`})
	var messages []string
	for _, err := range c.Errors {
		messages = append(messages, err.Message)
	}
	want := []string{"import data.ratify.images unused", "import data.unused unused", "import input.nothing unused"}
	if diff := cmp.Diff(want, messages); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, source, want string }{
		{"rules for a topic", "package ratify.gatekeeper\nitem := 1", "package data.ratify.gatekeeper is reserved"},
		{"rules below a topic", "package ratify.gatekeeper.item\nx := 1", "package data.ratify.gatekeeper.item is reserved"},
		{"rules below a topic, named as a test", "package ratify.gatekeeper.x_test\nx := 1", "is reserved"},
		{"a topic of one's own", "package ratify.mine\nx := 1", "package data.ratify.mine is reserved"},
		{"the root of the library", "package ratify\nx := 1", "package data.ratify is reserved"},
		{"an import that hides the built-ins", "package p\nimport data.ratify\nx := 1", "import data.ratify hides the built-ins"},
		{"an alias that hides the built-ins", "package p\nimport data.mine as ratify\nx := 1", "hides the built-ins"},
		{"a topic that is not there", "package p\nx := data.ratify.imags.references", "data.ratify.imags is not in the library; it has data.ratify.admission, "},
		{"a rule that is not there", "package p\nimport data.ratify.images\nx := images.refs", `p.rego:3: data.ratify.images has no rule "refs"`},
		{"a mock outside tests", "package p\nallow if ratify.verify(\"x\").verified with ratify.verify as {\"verified\": true}", "a decision may not replace the built-in ratify.verify"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := compiled(t, map[string]string{"p.rego": tt.source})
			if !c.Failed() || !strings.Contains(c.Errors.Error(), tt.want) {
				t.Errorf("errors = %v, want %q", c.Errors, tt.want)
			}
		})
	}
}

// sources are the files of the library with their tests, as OPA reads them when
// it is told to test or check this folder.
func sources(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	paths, err := filepath.Glob("ratify/*/*.rego")
	if err != nil || len(paths) == 0 {
		t.Fatalf("files %v, error %v", paths, err)
	}
	for _, path := range paths {
		files[path] = string(read(t, path))
	}
	return files
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOwnSourceIsNotLoadedTwice(t *testing.T) {
	t.Parallel()
	c := compiled(t, sources(t))
	if c.Failed() {
		t.Fatal(c.Errors)
	}
	if got := loaded(c); got != nil {
		t.Errorf("loaded %v besides the files", got)
	}
}

// TestOwnSourceWithAnnotations: some commands of OPA read METADATA and others do not.
func TestOwnSourceWithAnnotations(t *testing.T) {
	t.Parallel()
	modules := map[string]*ast.Module{}
	for file, source := range sources(t) {
		m, err := ast.ParseModuleWithOpts(file, source, ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true})
		if err != nil {
			t.Fatal(err)
		}
		modules[file] = m
	}
	c := ast.NewCompiler()
	c.Compile(modules)
	if got := loaded(c); got != nil || c.Failed() {
		t.Errorf("loaded %v besides the files, errors: %v", got, c.Errors)
	}
}

func TestPartOfOwnSource(t *testing.T) {
	t.Parallel()
	all := sources(t)
	c := compiled(t, map[string]string{"a.rego": all["ratify/policy/policy.rego"]})
	if diff := cmp.Diff([]string{"exemption", "policy_settings", "quorum", "report", "threshold"}, loaded(c)); diff != "" || c.Failed() {
		t.Errorf("topics (-want +got):\n%s\nerrors: %v", diff, c.Errors)
	}
}

// TestForgedSource: the name of a file proves nothing.
func TestForgedSource(t *testing.T) {
	t.Parallel()
	original := sources(t)["ratify/gatekeeper/gatekeeper.rego"]
	for name, forged := range map[string]string{
		"a rule more":      original + "\n_admitted if input.image == \"evil\"\n",
		"another rule":     strings.Replace(original, "data.trust.allow == true", "data.trust.allow != true", 1),
		"a rule less":      strings.Replace(original, "default _report := {}\n", "", 1),
		"nothing in it":    "package ratify.gatekeeper",
		"another function": strings.Replace(original, "import data.ratify.report", "import data.mine as report", 1),
	} {
		for _, file := range []string{"ratify/gatekeeper/gatekeeper.rego", "library/ratify/gatekeeper/gatekeeper.rego"} {
			t.Run(name+" in "+file, func(t *testing.T) {
				t.Parallel()
				c := compiled(t, map[string]string{file: forged})
				if !c.Failed() || !strings.Contains(c.Errors.Error(), "package data.ratify.gatekeeper is reserved") {
					t.Errorf("errors = %v", c.Errors)
				}
			})
		}
	}
}

// TestOriginalBesideForged: an identical file does not open the door to another.
func TestOriginalBesideForged(t *testing.T) {
	t.Parallel()
	files := sources(t)
	files["more.rego"] = "package ratify.gatekeeper\n_admitted if input.image == \"evil\""
	if c := compiled(t, files); !c.Failed() {
		t.Error("a file that adds to the library was accepted")
	}
}

func TestEval(t *testing.T) {
	t.Parallel()
	results, err := oparego.New(
		oparego.Query("data.p.x"),
		oparego.Module("p.rego", "package p\nimport data.ratify.images\nx := images.references"),
		oparego.Input(map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"image": "nginx"}}}}),
	).Eval(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"nginx"}, results[0].Expressions[0].Value); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}

// TestPortable: a policy without the library compiles where the built-ins are unknown.
func TestPortable(t *testing.T) {
	t.Parallel()
	capabilities, err := ast.LoadCapabilitiesVersion("v1.22.0")
	if err != nil {
		t.Fatal(err)
	}
	for source, fails := range map[string]bool{
		"package p\nx := input.y":                             false,
		"package p\nx := data.ratify.images.uses(input)":      false,
		"package p\nx := data.ratify.policy.decision({}, {})": true,
	} {
		c := ast.NewCompiler().WithCapabilities(capabilities)
		c.Compile(parse(t, map[string]string{"p.rego": source}))
		if c.Failed() != fails {
			t.Errorf("%s: errors = %v", source, c.Errors)
		}
	}
}
