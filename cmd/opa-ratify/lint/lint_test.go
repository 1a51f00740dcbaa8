// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/cmd"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/opa-ratify/opa-ratify/builtins"
	"github.com/opa-ratify/opa-ratify/cmd/opa-ratify/lint"
	"github.com/opa-ratify/opa-ratify/rego"
)

func TestMain(m *testing.M) {
	builtins.Register()
	rego.Install()
	os.Exit(m.Run())
}

// run is the command with arguments: what it prints, and its exit code.
func run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	c := lint.Command()
	var out, errs bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&errs)
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	exit, ok := errors.AsType[*cmd.ExitError](err)
	switch {
	case ok:
		code = exit.Exit
	case err != nil:
		t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

// findings lints a bundle and writes a line per finding, the place relative to dir.
func findings(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	return findingsBelow(t, dir, append(args, dir)...)
}

// findingsBelow lints as the arguments say.
func findingsBelow(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	stdout, stderr, code := run(t, append(args, "--output", "json")...)
	if code == 2 {
		t.Fatalf("exit code 2: %s", stderr)
	}
	var report struct {
		Findings []struct {
			Rule, Severity, Message, Remedy, Docs string
			Location                              struct {
				File     string
				Row, Col int
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	lines := []string{}
	for _, f := range report.Findings {
		file, err := filepath.Rel(dir, f.Location.File)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s:%d:%d %s %s", filepath.ToSlash(file), f.Location.Row, f.Location.Col, f.Severity, f.Rule))
	}
	return lines
}

// TestRules lints what testdata has for each rule: the findings in bad are those
// that the comment lists, and good has none.
func TestRules(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("rules/*/*.rego")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range append(paths, "report/ignore") {
		if strings.HasSuffix(path, "_test.rego") {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(path), ".rego")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := txtar.Write(archive, dir); err != nil {
				t.Fatal(err)
			}
			want := strings.Split("bad/"+strings.ReplaceAll(strings.TrimSpace(string(archive.Comment)), "\n", "\nbad/"), "\n")
			if !strings.Contains(string(archive.Comment), " "+strings.ReplaceAll(name, "_", "-")+"\n") {
				t.Errorf("the comment expects nothing of %s", name)
			}
			if diff := cmp.Diff(want, findingsBelow(t, dir, filepath.Join(dir, "bad"), filepath.Join(dir, "good"))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
