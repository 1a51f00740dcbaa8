// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"
)

// writeBundle copies bundles/default and fills in its one YAML file, as its
// README tells a user to.
func writeBundle(dir string, trust map[string]any) (string, error) {
	bundle := filepath.Join(dir, "bundle")
	if err := os.CopyFS(bundle, os.DirFS(filepath.Join("bundles", "default"))); err != nil {
		return "", err
	}
	raw, err := yaml.Marshal(map[string]any{
		"documents": trust, "namespaces": map[string]any{},
		"policies": []any{map[string]any{
			"name": "release", "scopes": []string{"*"}, "signers": slices.Sorted(maps.Keys(trust)), "require": "any",
		}},
	})
	if err != nil {
		return "", err
	}
	return bundle, os.WriteFile(filepath.Join(bundle, "trust", "data.yaml"), raw, 0o600)
}
