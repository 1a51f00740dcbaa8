// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const careless = `package trust

default allow := false

allow if report.verdict != "rejected"

allow if count(deny) == 0

deny contains "no" if not report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.release})
`

// write writes files into a new directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		add(t, filepath.Join(dir, name), []byte(text))
	}
	return dir
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	const warning = "package trust\n\nbad if input.x\n\ndefault allow := false\n\nallow if not bad\n"
	dir := write(t, map[string]string{
		"clean/p.rego":       "package p\n\nx := 1\n",
		"warning/p.rego":     warning,
		"error/p.rego":       careless,
		"broken/p.rego":      "package p\n\nx := {",
		"broken/data.yaml":   "a: [",
		"json/data.json":     `{"a": `,
		"manifest/p.rego":    "package p",
		"manifest/.manifest": "{",
		"empty/README.md":    "nothing",
		"fake.tar.gz":        "no archive",
	})
	for _, tt := range []struct {
		args   string
		want   int
		stderr string
	}{
		{"clean", 0, ""},
		{"warning", 0, ""},
		{"warning --strict", 1, ""},
		{"error", 1, ""},
		{"clean error", 1, ""},
		{"broken", 2, "data.yaml"},
		{"broken/p.rego", 2, "p.rego:3"},
		{"json", 2, "data.json"},
		{"manifest", 2, ".manifest"},
		{"empty", 2, "no .rego, data.json, data.yaml in it"},
		{"missing", 2, "missing"},
		{"error missing", 2, "missing"},
		{"fake.tar.gz", 2, "fake.tar.gz"},
		{"empty/README.md", 2, "neither .rego"},
		{"clean --output xml", 2, "table, json, sarif or github"},
		{"clean --rules clean", 2, "no package lint.rules.<name>"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			var args []string
			for word := range strings.FieldsSeq(tt.args) {
				if _, err := os.Stat(filepath.Join(dir, word)); err == nil || word == "missing" {
					word = filepath.Join(dir, word)
				}
				args = append(args, word)
			}
			_, stderr, code := run(t, args...)
			if code != tt.want || !strings.Contains(stderr, tt.stderr) {
				t.Errorf("exit code %d, want %d; %s", code, tt.want, stderr)
			}
		})
	}
}

// TestOddShapes: data of any shape is judged as far as it goes.
func TestOddShapes(t *testing.T) {
	t.Parallel()
	const odd = `
a: {cosign: {identities: 7, keys: x}}
b: {cosign: {identities: [7, {subject_regexp: 7, repository: 7, workflow: 7}], trusted_root: 7}}
c: {notation: {trust_policy: {trustPolicies: {x: 7}}, trust_stores: []}}
d: {notation: {trust_policy: {trustPolicies: [7, {signatureVerification: [], trustedIdentities: 7}]}, trust_stores: []}}
e: {policies: 7}
f: {policies: [7, {scopes: 7}, {scopes: {"*": 7}}]}
g: {expires: 7}
"h/~": &anchor {1: 2, true: false}
i: *anchor
`
	const rules = `# METADATA
# custom:
#   terms: [7]
#   domain: 7
#   type: call
package p

# METADATA
# custom: {terms: [7], domain: 7, type: call, value: 7, negated: true}
x.y["z"][7] := [a | some a in {1: "b"}] if true

f({"a": a}, [_, b]) := {a: b}
`
	dir := write(t, map[string]string{"data.yaml": odd, "p.rego": rules})
	if got := findings(t, dir); len(got) == 0 {
		t.Error("nothing was found")
	}
}

func TestArchive(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	for name, text := range map[string]string{"/trust/trust.rego": careless, "/data.json": "{}", "/.manifest": "{}", "/policy.wasm": "\x00"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{"bundle.tar.gz": packed.String()})
	want := []string{"trust/trust.rego:5:10 error undefined-trap", "trust/trust.rego:7:1 warning allow-by-absence"}
	if diff := cmp.Diff(want, findings(t, filepath.Join(dir, "bundle.tar.gz"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"trust.rego": careless})
	stdout, _, _ := run(t, dir)
	for _, want := range []string{
		"/trust.rego:5:10: error: undefined-trap\n  `report.verdict != \"rejected\"`: where ",
		"  → write a positive helper",
		"README.md#undefined-trap\n",
		"1 error, 1 warning in 1 file\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in:\n%s", want, stdout)
		}
	}
}

func TestGitHub(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"100%,a:b/trust.rego": careless})
	stdout, _, _ := run(t, "-o", "github", dir)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "::error file=") ||
		!strings.Contains(lines[0], "100%25%2Ca%3Ab/trust.rego,line=5,col=10,title=undefined-trap::`report") || !strings.HasPrefix(lines[1], "::warning file=") {
		t.Errorf("%s", stdout)
	}
}

func TestSARIF(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"a b/trust.rego": careless})
	stdout, _, _ := run(t, "-o", "sarif", dir)
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Rules []struct{ ID, HelpURI string }
				}
			}

			Results []struct {
				RuleID, Level string
				Locations     []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || len(log.Runs[0].Results) != 2 {
		t.Fatal(stdout)
	}
	known := map[string]bool{}
	for _, rule := range log.Runs[0].Tool.Driver.Rules {
		known[rule.ID] = strings.HasSuffix(rule.HelpURI, "#"+rule.ID)
	}
	first := log.Runs[0].Results[0]
	at := first.Locations[0].PhysicalLocation
	if !known[first.RuleID] || first.Level != "error" || at.Region.StartLine != 5 || at.Region.StartColumn != 10 || !strings.HasSuffix(at.ArtifactLocation.URI, "/a%20b/trust.rego") {
		t.Errorf("%+v, rules %v", first, known)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	stdout, _, code := run(t, "--list")
	if code != 0 || !strings.Contains(stdout, "undefined-trap") || !strings.Contains(stdout, "ignore ") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}

const teamRule = `package lint.rules.team

import data.lint.syntax

findings contains {
	"rule": "team",
	"severity": "warning",
	"message": "no team is named",
	"remedy": "write team := …",
	"location": {"file": decision.file, "row": 1, "col": 1},
	"docs": "",
} if {
	some decision in syntax.decisions
	decision.name == "allow"
}
`

func TestRulesOfOnesOwn(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"rules/team.rego":      teamRule,
		"rules/team_test.rego": "package lint.rules.team_test",
		"taken/a.rego":         "package lint.rules.refused",
		"contract/a.rego":      strings.Replace(teamRule, `"warning"`, `"fatal"`, 1),
		"misspelt/a.rego":      strings.Replace(teamRule, `"message"`, `"mesage"`, 1),
		"broken/a.rego":        "package lint.rules.x\n\nfindings contains undefined_function(1)",
		"halts/a.rego":         "package lint.rules.x\n\nfindings contains to_number(\"x\")",
		"policy/p.rego":        "package p\n\ndefault allow := false\n",
	})
	policy := filepath.Join(dir, "policy")
	if diff := cmp.Diff([]string{"p.rego:1:1 warning team"}, findings(t, policy, "--rules", filepath.Join(dir, "rules"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"taken": "is one of this program's", "contract": "severity (error or warning)", "misspelt": "unknown field",
		"broken": "undefined_function", "halts": "to_number",
	} {
		if _, stderr, code := run(t, "--rules", filepath.Join(dir, name), policy); code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s", name, code, stderr)
		}
	}
}
