// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
)

// What OPA's reading of YAML would lose is found in the file; the rest is not judged.
func TestCheckFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, want string }{
		{"a version twice", "plugins:\n  ratify:\n    key_providers:\n    - name: a\n      type: azurekeyvault\n      keys:\n      - name: k\n        version: a\n        version: b\n", "plugins.ratify.key_providers[0].keys[0].version appears twice; one would be lost; write both as versions: [..] (line 8)"},
		{"a setting twice", "plugins: {ratify: {timeout: 1s, timeout: 2s}}", "plugins.ratify.timeout appears twice; remove one"},
		{"the section twice", "plugins:\n  ratify: {}\n  ratify: {timeout: 1s}\n", "ratify appears twice; one would be lost; write one (line 3)"},
		{"plugins twice", "plugins: {}\nplugins: {ratify: {}}\n", "plugins appears twice"},
		{"a value that OPA fills in", "plugins: {ratify: {timeout: \"${TIMEOUT}\", nonsense: 1}}", ""},
		{"another plugin's business", "plugins: {other: {a: 1, a: 2}}", ""},
		{"no YAML", "\t{", ""},
		{"empty", "", ""},
	} {
		path := filepath.Join(t.TempDir(), "opa.yaml")
		if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
			t.Fatal(err)
		}
		err := config.CheckFile(path)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if err := config.CheckFile(t.TempDir()); err != nil {
		t.Errorf("no file: %v", err)
	}
}
