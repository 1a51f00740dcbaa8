// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// mocks finds what a decision may not do: replace a built-in of ours by an
// answer of its own. `with ratify.verify as {"verified": true}` belongs into
// tests, packages named …_test or rules named test_…; anywhere else it would be a
// way to admit images without looking (threat: mocking in production).
func mocks(m *ast.Module) []*Problem {
	last, _ := m.Package.Path[len(m.Package.Path)-1].Value.(ast.String)
	if strings.HasSuffix(string(last), "_test") {
		return nil
	}
	var problems []*Problem
	for _, rule := range m.Rules {
		if name, ok := rule.Head.Ref()[0].Value.(ast.Var); ok && strings.HasPrefix(string(name), "test_") {
			continue
		}
		ast.WalkWiths(rule, func(w *ast.With) bool {
			if target, ok := w.Target.Value.(ast.Ref); ok && strings.HasPrefix(target.String(), "ratify.") {
				problems = append(problems, problem(w.Location,
					"a decision may not replace the built-in %v; mocks belong into a package named …_test or a rule named test_…", target))
			}
			return false
		})
	}
	return problems
}

// mocksIn finds them in all modules, in the order of their files.
func mocksIn(modules map[string]*ast.Module) []error {
	var problems []error
	for _, file := range util.KeysSorted(modules) {
		for _, p := range mocks(modules[file]) {
			problems = append(problems, p)
		}
	}
	return problems
}
