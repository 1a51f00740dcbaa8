// SPDX-License-Identifier: Apache-2.0

// Package conventions holds the house rules that a machine can judge: who may import
// whom, where things live, what every file and every exported name carries.
//
// [Checks] is the list. Each check reads the repository as a [Tree], without building
// anything, and answers with findings; its test runs every check on this repository,
// where none may find anything, and on a small bad tree in testdata, where it must.
package conventions

// Check is one house rule.
type Check struct {
	// Name is the rule in a few words, "imports".
	Name string
	// Find lists the violations in a tree, "path:line: what is wrong". Nil: none.
	Find func(*Tree) []string
}

// Checks lists all house rules.
func Checks() []Check {
	return []Check{
		{"imports", imports},
		{"top level", topLevel},
		{"package names", packageNames},
		{"package comments", packageComments},
		{"exported names are documented", exportedDocs},
		{"licence header", licenceHeader},
		{"no trailing spaces", trailingSpaces},
		{"links lead somewhere", deadLinks},
		{"no init function", initFunctions},
		{"no sleep", sleeps},
		{"no skipped test", skippedTests},
		{"fuzz targets have seeds", fuzzSeeds},
	}
}
