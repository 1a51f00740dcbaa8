// SPDX-License-Identifier: Apache-2.0

package conventions

import (
	"go/ast"
	"slices"
)

// initFunctions finds init functions: what a program does, its main says.
func initFunctions(t *Tree) []string {
	var findings []string
	for _, f := range t.goFiles() {
		for _, declaration := range f.syntax.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if ok && function.Recv == nil && function.Name.Name == "init" {
				findings = append(findings, t.at(function.Pos(), "func init: register in a literal list"))
			}
		}
	}
	return findings
}

// sleeps finds time.Sleep: tests wait for a condition, products for a context.
func sleeps(t *Tree) []string {
	return calls(t, func(receiver, method string) string {
		if receiver == "time" && method == "Sleep" {
			return "wait for a condition, a channel or a clock"
		}
		return ""
	})
}

// skippedTests finds tests that decide not to run.
func skippedTests(t *Tree) []string {
	return calls(t, func(receiver, method string) string {
		if slices.Contains([]string{"t", "tb", "b", "f"}, receiver) && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, method) {
			return "a test runs or fails"
		}
		return ""
	})
}

// calls finds calls receiver.method that objection has something to say about.
func calls(t *Tree, objection func(receiver, method string) string) []string {
	var findings []string
	for _, f := range t.goFiles() {
		for node := range ast.Preorder(f.syntax) {
			receiver, method := called(node)
			if why := objection(receiver, method); why != "" {
				findings = append(findings, t.at(node.Pos(), "%s.%s: %s", receiver, method, why))
			}
		}
	}
	return findings
}

// called is the x and the m of a call x.m(…), or "" and "".
func called(node ast.Node) (receiver, method string) {
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return "", ""
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	name, ok := selector.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	return name.Name, selector.Sel.Name
}
