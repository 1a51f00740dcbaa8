// SPDX-License-Identifier: Apache-2.0

package conventions

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Packages are named by their directory; a path with a dot in its first segment is
// somebody else's module. "x/..." is x and everything below it. The rules are about
// what a package's own files import, tests excepted.

// reserved imports are for these packages alone.
var reserved = []struct {
	imported  string
	importers []string
	why       string
}{
	{
		imported:  "github.com/open-policy-agent/opa/...",
		importers: []string{"builtins", "builtins/command/...", "builtins/plugin/...", "cmd/...", "rego", "test/..."},
		why:       "verification must be usable and testable without OPA",
	},
	{
		imported:  "oras.land/oras-go/v2/registry/remote/...",
		importers: []string{"builtins/internal/registry/...", "builtins/internal/outbound", "cmd/image/...", "test/..."},
		why:       "one package talks to registries, with limits and under one policy for credentials",
	},
	{
		imported:  "builtins/plugin/...",
		importers: []string{"cmd/...", "test/..."},
		why:       "the plugin serves what lies below it; nothing below may know it",
	},
	{
		imported:  "test/...",
		importers: []string{"test/..."},
		why:       "test doubles do not belong in the product",
	},
}

// refused imports are for anybody but these packages.
var refused = []struct {
	packages []string
	imports  []string
	why      string
}{
	{
		packages: []string{"builtins/internal/verify/..."},
		imports:  []string{"net/http/..."},
		why:      "verifiers receive bytes",
	},
	{
		packages: []string{"builtins/internal/reference"},
		imports:  []string{"net/http/...", "crypto/tls", "golang.org/x/net/...", "oras.land/oras-go/..."},
		why:      "a reference is parsed without a network",
	},
}

// plain packages import the standard library only.
var plain = []string{"builtins/internal/report"}

// imports finds imports that a rule forbids, and rules about packages that are not there.
func imports(t *Tree) []string {
	return slices.Concat(forbiddenImports(t), idleRules(t))
}

func forbiddenImports(t *Tree) []string {
	var findings []string
	for dir, files := range t.packages() {
		for _, f := range files {
			for _, spec := range f.syntax.Imports {
				for _, why := range objections(dir, importPath(spec.Path.Value)) {
					findings = append(findings, t.at(spec.Pos(), "%s must not import %s: %s", dir, importPath(spec.Path.Value), why))
				}
			}
		}
	}
	slices.Sort(findings)
	return findings
}

// objections says why the package in dir must not import a package.
func objections(dir, imported string) []string {
	var why []string
	for _, rule := range reserved {
		if match(rule.imported, imported) && !matchAny(rule.importers, dir) && !match(rule.imported, dir) {
			why = append(why, rule.why)
		}
	}
	for _, rule := range refused {
		if matchAny(rule.packages, dir) && matchAny(rule.imports, imported) {
			why = append(why, rule.why)
		}
	}
	if matchAny(plain, dir) && !standard(imported) {
		why = append(why, "only the standard library")
	}
	return why
}

// idleRules finds patterns that match no package, so that a rule is not lost when a
// package moves, and reserved imports that nobody needs any more.
func idleRules(t *Tree) []string {
	var findings []string
	packages := slices.Sorted(maps.Keys(t.packages()))
	imported := importedPaths(t)
	for _, rule := range reserved {
		findings = append(findings, unmatched(rule.importers, packages)...)
		if !slices.ContainsFunc(imported, func(p string) bool { return match(rule.imported, p) }) {
			findings = append(findings, "import rule: nobody imports "+rule.imported)
		}
	}
	for _, rule := range refused {
		findings = append(findings, unmatched(rule.packages, packages)...)
	}
	return append(findings, unmatched(plain, packages)...)
}

func unmatched(patterns, packages []string) []string {
	var findings []string
	for _, pattern := range patterns {
		if !slices.ContainsFunc(packages, func(dir string) bool { return match(pattern, dir) }) {
			findings = append(findings, "import rule: no package matches "+pattern)
		}
	}
	return findings
}

func importedPaths(t *Tree) []string {
	var paths []string
	for _, f := range t.goFiles() {
		for _, spec := range f.syntax.Imports {
			paths = append(paths, importPath(spec.Path.Value))
		}
	}
	return paths
}

// importPath is the path in an import spec, relative to the repository if it is ours.
func importPath(literal string) string {
	p, _ := strconv.Unquote(literal)
	return strings.TrimPrefix(p, module+"/")
}

// standard says whether p is of the standard library: ours have no dot either, but are
// directories of the repository.
func standard(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".") && !slices.Contains(goFolders, first)
}

func matchAny(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return match(pattern, p) })
}

func match(pattern, p string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return p == below || strings.HasPrefix(p, below+"/")
	}
	return p == pattern
}
