// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/test/regotest"
)

var update = flag.Bool("update", false, "write the generated part of README.md")

const marker = "<!-- From here on generated from METADATA: go generate ./cmd/opa-ratify/lint -->\n"

// TestReadme compares the list of rules in README.md with their METADATA.
func TestReadme(t *testing.T) {
	t.Parallel()
	regotest.Readme(t, marker, reference(t), *update)
}

func reference(t *testing.T) string {
	t.Helper()
	stdout, _, _ := run(t, "--list", "--output", "json")
	var rules []struct{ Name, Severity, Title, Description, Remedy string }
	if err := json.Unmarshal([]byte(stdout), &rules); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, r := range rules {
		if r.Severity == "" || r.Title == "" || r.Description == "" || r.Remedy == "" {
			t.Errorf("%s lacks some METADATA", r.Name)
		}
		fmt.Fprintf(&out, "\n### %s\n\n%s (%s): %s.\n→ %s.\n", r.Name, r.Title, r.Severity, r.Description, r.Remedy)
	}
	return out.String()
}

// TestReadmeExample lints what README.md shows and compares with what it prints.
func TestReadmeExample(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```rego\n(.*?)```.*?```console\n\\$ opa-ratify lint policy\n(.*?)```").FindSubmatch(readme)
	if example == nil {
		t.Fatal("README.md has no example")
	}
	dir := write(t, map[string]string{"trust.rego": string(example[1])})
	stdout, _, _ := run(t, dir)
	if diff := cmp.Diff(string(example[2]), strings.ReplaceAll(stdout, dir, "policy")); diff != "" {
		t.Errorf("(-README +got):\n%s", diff)
	}
}

// TestReadmeRule uses the rule that README.md shows.
func TestReadmeRule(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	rule := regexp.MustCompile("(?s)```rego\n(# METADATA.*?)```").FindSubmatch(readme)
	if rule == nil {
		t.Fatal("README.md has no rule")
	}
	dir := write(t, map[string]string{
		"rules/rule.rego": string(rule[1]),
		"policy/p.rego":   "package p\n\ndefault allow := false\n\nallow if ratify.verify(input.image).verified\n",
	})
	if diff := cmp.Diff([]string{"p.rego:5:1 warning release-by-two"}, findings(t, dir+"/policy", "--rules", dir+"/rules")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
