// SPDX-License-Identifier: Apache-2.0

package scaffold_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/cmd"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/bundles"
	"github.com/opa-ratify/opa-ratify/cmd/opa-ratify/scaffold"
)

func run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	c := scaffold.Command()
	var out, errs bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&errs)
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	if exit, ok := errors.AsType[*cmd.ExitError](err); ok {
		code = exit.Exit
	} else if err != nil {
		code = -1
	}
	return out.String(), errs.String(), code
}

// TestEveryBundle starts every bundle there is: its data can be parsed, the lines
// to edit are where init says, and no sample is left in them.
func TestEveryBundle(t *testing.T) {
	t.Parallel()
	for _, name := range bundles.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "policy")
			stdout, stderr, code := run(t, "--with", name, dir)
			if code != 0 {
				t.Fatal(stderr)
			}
			for _, e := range regexp.MustCompile(`(?m)^  (\S+):(\d+)  (.+)$`).FindAllStringSubmatch(stdout, -1) {
				line := lineOf(t, e[1], e[2])
				if !strings.Contains(line, `"<`+e[3]+`>"`) && !strings.Contains(line, " # edit: "+e[3]) {
					t.Errorf("%s:%s is %q", e[1], e[2], line)
				}
			}
			for _, next := range []string{"check --strict ", "test ", "run --server -b "} {
				if !strings.Contains(stdout, "  opa-ratify "+next+dir+"\n") {
					t.Errorf("no %q in:\n%s", next, stdout)
				}
			}
			whole(t, name, dir)
		})
	}
}

func lineOf(t *testing.T, path, row string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if _, err := fmt.Sscan(row, &n); err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")[n-1]
}

// whole expects every file of the bundle, in YAML that can be read, and no path of
// this repository.
func whole(t *testing.T, name, dir string) {
	t.Helper()
	source := "../../../bundles/" + name
	if err := filepath.WalkDir(source, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		inner, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, inner))
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte("bundles/"+name)) || bytes.Contains(text, []byte("](../")) {
			t.Errorf("%s names a path of this repository", inner)
		}
		var v any
		if strings.HasSuffix(inner, ".yaml") && yaml.Unmarshal(text, &v) != nil {
			t.Errorf("%s is no YAML:\n%s", inner, text)
		}
		return nil
	}); err != nil {
		t.Errorf("%v: %v", source, err)
	}
}

// TestReadmeExample compares README.md with what the command prints.
func TestReadmeExample(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```console\n\\$ opa-ratify init --with github-actions policy\n(.*?)```").FindSubmatch(readme)
	if example == nil {
		t.Fatal("README.md has no example")
	}
	dir := filepath.Join(t.TempDir(), "policy")
	stdout, _, _ := run(t, "--with", "github-actions", dir)
	if diff := cmp.Diff(string(example[1]), strings.ReplaceAll(stdout, dir, "policy")); diff != "" {
		t.Errorf("(-README +got):\n%s", diff)
	}
}

func TestPlaceholders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() // empty, and there
	if _, stderr, code := run(t, "--with", "cosign-key", dir); code != 0 {
		t.Fatal(stderr)
	}
	var data struct {
		Key struct {
			Cosign struct{ Keys []string }
		} `yaml:"release_key"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "trust/data.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"<your cosign.pub, pasted below `- |`, or {file: path to it}>"}, data.Key.Cosign.Keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if bytes.Contains(text, []byte("PUBLIC KEY")) {
		t.Errorf("the sample key is still there:\n%s", text)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine := filepath.Join(dir, "README.md")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{dir, mine} {
		if _, stderr, code := run(t, target); code != 1 || stderr == "" {
			t.Errorf("%s: exit code %d, %s", target, code, stderr)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	if _, stderr, code := run(t, "--with", "nothing", dir); code != 1 || !strings.Contains(stderr, `no bundle "nothing" to start from; there are `) {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s was made", dir)
	}
	if _, _, code := run(t); code != -1 {
		t.Errorf("exit code %d without a directory", code)
	}
}
