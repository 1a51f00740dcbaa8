// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// writeBundle copies bundles/default and fills in its one YAML file, as its
// README tells a user to.
func writeBundle(dir string, trust map[string]any) (string, error) {
	bundle := filepath.Join(dir, "bundle")
	if err := os.CopyFS(bundle, os.DirFS(filepath.Join("bundles", "default"))); err != nil {
		return "", err
	}
	var policies []any
	for scope, document := range trust {
		policies = append(policies, map[string]any{"name": "for " + scope, "scopes": []string{scope}, "trust": document})
	}
	raw, err := yaml.Marshal(map[string]any{"policies": policies})
	if err != nil {
		return "", err
	}
	return bundle, os.WriteFile(filepath.Join(bundle, "trust", "data.yaml"), raw, 0o600)
}
