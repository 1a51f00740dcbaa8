// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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
	for _, manifest := range bundles {
		dir := filepath.Dir(manifest)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]string{}, findings(t, dir)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
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
	for _, page := range pages {
		archive, err := txtar.ParseFile(page)
		if err != nil {
			t.Fatal(err)
		}
		archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool {
			return slices.Contains([]string{"forged.rego", "reserved.rego"}, f.Name) || filepath.Ext(f.Name) != ".rego" || strings.HasPrefix(f.Name, "bad/")
		})
		if len(archive.Files) > 0 {
			clean(t, strings.TrimSuffix(filepath.Base(page), ".txtar"), archive)
		}
	}
	for _, readme := range []string{"README.md", "rego/README.md", "builtins/README.md"} {
		archive := &txtar.Archive{}
		for _, block := range policies(t, readme) {
			archive.Files = append(archive.Files, txtar.File{Name: "trust.rego", Data: []byte(block)})
		}
		for i := range archive.Files {
			clean(t, readme, &txtar.Archive{Files: archive.Files[i : i+1]})
		}
	}
}

func clean(t *testing.T, name string, archive *txtar.Archive) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := txtar.Write(archive, dir); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{}, findings(t, dir)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// policies are the whole modules among the Rego that a page shows.
func policies(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, block := range regexp.MustCompile("(?s)```rego\n(package .*?)```").FindAllSubmatch(text, -1) {
		found = append(found, string(block[1]))
	}
	return found
}
