// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

const root = "../../.."

func TestOwnBundlesAreClean(t *testing.T) {
	t.Parallel()
	bundles, err := filepath.Glob(root + "/bundles/*/.manifest")
	if err != nil || len(bundles) == 0 {
		t.Fatal(bundles, err)
	}
	for i := range bundles {
		bundles[i] = filepath.Dir(bundles[i])
	}
	if diff := cmp.Diff([]string{}, findingsBelow(t, root, bundles...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestManualIsClean lints the policies that the manual and the READMEs show, but
// not the mistakes they show.
func TestManualIsClean(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(root + "/test/script/testdata/manual/*.txtar")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	dir := t.TempDir()
	for _, page := range pages {
		archive, err := txtar.ParseFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if filepath.Ext(f.Name) == ".rego" && !slices.Contains(mistakes, f.Name) {
				add(t, filepath.Join(dir, filepath.Base(page), f.Name), f.Data)
			}
		}
	}
	for i, policy := range slices.Concat(policies(t, "README.md"), policies(t, "rego/README.md"), policies(t, "builtins/README.md")) {
		add(t, filepath.Join(dir, fmt.Sprintf("readme-%d", i), "trust.rego"), policy)
	}
	bundles, err := filepath.Glob(dir + "/*")
	if err != nil || len(bundles) < 5 {
		t.Fatal(bundles, err)
	}
	if diff := cmp.Diff([]string{}, findingsBelow(t, dir, bundles...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// mistakes are the policies that the manual shows as such, and those by
// which pages read their environment.
var mistakes = []string{"forged.rego", "reserved.rego", "careless/trust.rego", "page.rego", "nested.rego"}

func add(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// policies are the whole modules among the Rego that a page shows.
func policies(t *testing.T, page string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	var found [][]byte
	for _, block := range regexp.MustCompile("(?s)```rego\n(package .*?)```").FindAllSubmatch(text, -1) {
		found = append(found, block[1])
	}
	return found
}
