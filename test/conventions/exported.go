// SPDX-License-Identifier: Apache-2.0

package conventions

import (
	"go/ast"
	"slices"
)

// exportedDocs finds exported names without a doc comment, tests excepted. A comment
// on a group of constants or variables, or at the end of the line, counts. Methods whose
// interface says it all need none.
func exportedDocs(t *Tree) []string {
	var findings []string
	for _, f := range t.goFiles() {
		if f.isTest() {
			continue
		}
		for _, declaration := range f.syntax.Decls {
			for _, name := range undocumented(declaration) {
				findings = append(findings, t.at(name.Pos(), "%s has no doc comment", name.Name))
			}
		}
	}
	return findings
}

func undocumented(declaration ast.Decl) []*ast.Ident {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && !customary(d) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc == nil {
			return undocumentedSpecs(d.Specs)
		}
	}
	return nil
}

func undocumentedSpecs(specs []ast.Spec) []*ast.Ident {
	var names []*ast.Ident
	for _, spec := range specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Doc == nil && s.Comment == nil {
				names = append(names, s.Name)
			}
		case *ast.ValueSpec:
			if s.Doc == nil && s.Comment == nil {
				names = append(names, s.Names...)
			}
		}
	}
	return slices.DeleteFunc(names, func(name *ast.Ident) bool { return !name.IsExported() })
}

// exportedReceiver says whether a function has no receiver or one of an exported type.
func exportedReceiver(function *ast.FuncDecl) bool {
	if function.Recv == nil {
		return true
	}
	for node := range ast.Preorder(function.Recv.List[0].Type) {
		if name, ok := node.(*ast.Ident); ok {
			return name.IsExported()
		}
	}
	return false
}

// customary says whether a function is a method of error, fmt.Stringer or the like.
func customary(function *ast.FuncDecl) bool {
	return function.Recv != nil && slices.Contains([]string{"Error", "Is", "String", "Unwrap"}, function.Name.Name)
}
