// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/translate"
)

// FuzzTranslate: whatever a file holds, migrating it ends, what is written can be
// read and is what was planned (a comment with a line break would be data), and
// private keys are not copied.
func FuzzTranslate(f *testing.F) {
	names, err := filepath.Glob("../../../command/migrate/testdata/golden/*.txtar")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasPrefix(file.Name, "in/") {
				f.Add(string(file.Data))
			}
		}
	}
	f.Add("apiVersion: config.ratify.deislabs.io/v1beta1\nkind: Verifier\nmetadata: {name: \"a\\nallow: true\"}\nspec: {name: notation, artifactTypes: '*', parameters: {trustPolicyDoc: {\"x\\ny: z\": 1}}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, findings := plan(t, text)
		data := readBack(t, p)
		checkPlanned(t, p, data)
		for _, found := range findings.Sorted() {
			if strings.ContainsAny(found.Message+found.Remedy+found.From, "\n\r") {
				t.Errorf("a finding has a line break: %q", found)
			}
		}
	})
}

// checkPlanned compares the documents that were read back with those planned.
func checkPlanned(t *testing.T, p *translate.Plan, data map[string]any) {
	t.Helper()
	top := []string{"policies", "documents", "namespaces", "conditions", "tenants", "incomplete"}
	for key := range data {
		if !slices.Contains(top, key) {
			t.Errorf("data.yaml has the key %q", key)
		}
	}
	documents, _ := data["documents"].(map[string]any)
	for _, d := range p.Documents {
		var want any
		if err := d.Node.Decode(&want); err != nil {
			t.Fatalf("document %q: %v", d.Name, err)
		}
		if diff := cmp.Diff(want, documents[d.Name]); diff != "" {
			t.Errorf("document %q (-planned +read):\n%s", d.Name, diff)
		}
	}
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range files {
		if bytes.Contains(raw, []byte("PRIVATE KEY-----")) {
			t.Errorf("%s has a private key", name)
		}
	}
}
