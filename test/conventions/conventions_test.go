// SPDX-License-Identifier: Apache-2.0

package conventions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/opa-ratify/opa-ratify/test/conventions"
)

func TestRepositoryKeepsTheHouseRules(t *testing.T) {
	t.Parallel()
	tree, err := conventions.Read(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range conventions.Checks() {
		t.Run(check.Name, func(t *testing.T) {
			t.Parallel()
			for _, finding := range check.Find(tree) {
				t.Error(finding)
			}
		})
	}
}

// Every check has a bad tree in testdata, named after it, whose comment lists what the
// check must find there.
func TestChecksFindViolations(t *testing.T) {
	t.Parallel()
	for _, check := range conventions.Checks() {
		t.Run(check.Name, func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(filepath.Join("testdata", strings.ReplaceAll(check.Name, " ", "_")+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			tree, err := conventions.Read(contents(archive))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(check.Find(tree), "\n")
			if diff := cmp.Diff(strings.TrimSpace(string(archive.Comment)), got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func contents(archive *txtar.Archive) fstest.MapFS {
	files := fstest.MapFS{}
	for _, f := range archive.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return files
}

// A txtar archive ends every file in a newline, so this one is made by hand.
func TestMissingNewlineIsFound(t *testing.T) {
	t.Parallel()
	tree, err := conventions.Read(fstest.MapFS{"README.md": {Data: []byte("one\ntwo")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range conventions.Checks() {
		if check.Name != "no trailing spaces" {
			continue
		}
		if diff := cmp.Diff([]string{"README.md:2: no newline at the end"}, check.Find(tree)); diff != "" {
			t.Errorf("findings (-want +got):\n%s", diff)
		}
	}
}
