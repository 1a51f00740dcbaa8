// SPDX-License-Identifier: Apache-2.0

package conventions

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// goFolders are the folders of the top level that hold Go.
var goFolders = []string{"builtins", "bundles", "cmd", "rego", "test"}

// top is all that may be in the root, besides names that begin with a dot.
var top = slices.Concat(goFolders, []string{
	"charts", "LICENSE", "Makefile", "README.md", "go.mod", "go.sum",
})

// meaningless are package names that say nothing about what the package holds.
var meaningless = []string{"base", "common", "helper", "helpers", "manager", "misc", "shared", "types", "util", "utils"}

// topLevel finds files and folders in the root that the layout does not know.
func topLevel(t *Tree) []string {
	found := map[string]bool{}
	for _, f := range t.files {
		first, _, _ := strings.Cut(f.path, "/")
		found[first] = true
	}
	var findings []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !strings.HasPrefix(name, ".") && !slices.Contains(top, name) {
			findings = append(findings, fmt.Sprintf("%s: the top level is fixed: %s", name, strings.Join(top, " ")))
		}
	}
	return findings
}

// packageNames finds packages that are not named for what they hold.
func packageNames(t *Tree) []string {
	var findings []string
	for _, f := range t.goFiles() {
		name := strings.TrimSuffix(f.syntax.Name.Name, "_test")
		if slices.Contains(meaningless, name) {
			findings = append(findings, t.at(f.syntax.Name.Pos(), "package %s: name a package for what it holds", name))
		}
	}
	return findings
}

// packageComments finds packages that do not say what they hold.
func packageComments(t *Tree) []string {
	var findings []string
	packages := t.packages()
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		if !slices.ContainsFunc(packages[dir], func(f file) bool { return f.syntax.Doc != nil }) {
			findings = append(findings, fmt.Sprintf("%s: no file has a package comment", dir))
		}
	}
	return findings
}
