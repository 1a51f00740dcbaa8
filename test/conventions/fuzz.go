// SPDX-License-Identifier: Apache-2.0

package conventions

import (
	"go/ast"
	"strings"
)

// fuzzSeeds finds fuzz targets without f.Add and without a corpus in
// testdata/fuzz/<target>, which `go test` runs without trying anything.
func fuzzSeeds(t *Tree) []string {
	var findings []string
	for _, f := range t.goFiles() {
		for _, declaration := range f.syntax.Decls {
			target, ok := declaration.(*ast.FuncDecl)
			if !ok || !f.isTest() || !strings.HasPrefix(target.Name.Name, "Fuzz") {
				continue
			}
			if !addsSeeds(target) && !t.has(f.dir()+"/testdata/fuzz/"+target.Name.Name+"/") {
				findings = append(findings, t.at(target.Pos(), "%s has no seeds: f.Add or testdata/fuzz/%[1]s", target.Name.Name))
			}
		}
	}
	return findings
}

// addsSeeds says whether a fuzz target calls f.Add, or a function that gets f.
func addsSeeds(target *ast.FuncDecl) bool {
	parameters := target.Type.Params.List
	if len(parameters) != 1 || len(parameters[0].Names) != 1 {
		return false
	}
	f := parameters[0].Names[0].Name
	for node := range ast.Preorder(target.Body) {
		if call, ok := node.(*ast.CallExpr); ok && seeds(call, f) {
			return true
		}
	}
	return false
}

func seeds(call *ast.CallExpr, f string) bool {
	if selector, ok := call.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == "Add" && isName(selector.X, f) {
		return true
	}
	for _, argument := range call.Args {
		if isName(argument, f) {
			return true
		}
	}
	return false
}

func isName(expression ast.Expr, name string) bool {
	identifier, ok := expression.(*ast.Ident)
	return ok && identifier.Name == name
}

func (t *Tree) has(prefix string) bool {
	for _, f := range t.files {
		if strings.HasPrefix(f.path, prefix) {
			return true
		}
	}
	return false
}
