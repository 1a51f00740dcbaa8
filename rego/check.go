// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// recognise tells which topic m is: the one this loader returned, or its source
// file, read from disk when the library is tested or checked itself. Names of
// files prove nothing, since the policy API lets anybody choose them.
func (l *library) recognise(m *ast.Module) (string, bool) {
	name, ok := topicOf(m.Package.Path)
	t := l.topics[name]
	if !ok || t == nil || len(m.Package.Path) != len(t.parsed.Package.Path) {
		return "", false
	}
	if m.Package.Location == t.parsed.Package.Location { // copies of a module share it
		return name, true
	}
	return name, slices.EqualFunc(m.Rules, t.resolved.Rules, sameRule)
}

// sameRule compares without annotations: not every command of OPA reads them.
func sameRule(a, b *ast.Rule) bool {
	plainA, plainB := *a, *b
	plainA.Annotations, plainB.Annotations = nil, nil
	return plainA.Equal(&plainB)
}

// Problem is something a policy may not do.
type Problem struct {
	Location *ast.Location // nil: unknown
	Text     string        // one line: what is there, and the remedy
}

// Error returns location and text.
func (p *Problem) Error() string {
	if p.Location == nil {
		return p.Text
	}
	return fmt.Sprintf("%v: %s", p.Location, p.Text)
}

// Check finds what [Install] makes every compiler refuse in the modules, by file:
// reserved packages, imports that hide the built-ins, mocks outside tests, names
// the library does not have. The error is the compiler's, about modules that
// cannot be compiled so far. It may be called concurrently.
func Check(modules map[string]*ast.Module) ([]*Problem, error) {
	l, err := open(files)
	if err != nil {
		return nil, err
	}
	var problems []*Problem
	c := ast.NewCompiler().WithModuleLoader(func(resolved map[string]*ast.Module) (map[string]*ast.Module, error) {
		for _, file := range util.KeysSorted(modules) {
			if _, ours := l.recognise(resolved[file]); !ours {
				problems = append(problems, l.check(resolved[file])...)
			}
		}
		return nil, errResolved
	})
	if c.Compile(modules); len(c.Errors) == 1 && c.Errors[0].Message == errResolved.Error() {
		return problems, nil
	}
	return nil, c.Errors
}

// check finds what a policy may not do.
func (l *library) check(m *ast.Module) []*Problem {
	var problems []*Problem
	if reserved(m.Package.Path) {
		problems = append(problems, problem(m.Package.Location, "package %v is reserved for the library in this program and differs from it; use another package, "+
			"or a program built from this source", m.Package.Path))
	}
	for _, imp := range m.Imports {
		if string(imp.Name()) == "ratify" {
			problems = append(problems, problem(imp.Location, "%v hides the built-ins ratify.*; import one topic of the library (%s) or use another alias", imp, l.list()))
		}
	}
	problems = append(problems, mocks(m)...)
	for ref := range refs(m) {
		if unknown := l.unknown(ref); unknown != "" {
			problems = append(problems, problem(ref[0].Location, "%s", unknown))
		}
	}
	return problems
}

// unknown says what a reference names that the library does not have. OPA would
// take it for data that is not there: undefined, and a deny rule silent.
func (l *library) unknown(ref ast.Ref) string {
	name, ok := topicOf(ref)
	if !ok || strings.HasSuffix(name, "_test") {
		return ""
	}
	t := l.topics[name]
	if t == nil {
		return fmt.Sprintf("data.ratify.%s is not in the library; it has %s", name, l.list())
	}
	if len(ref) < 4 {
		return ""
	}
	if rule, ok := ref[3].Value.(ast.String); ok && !t.names[string(rule)] {
		return fmt.Sprintf("data.ratify.%s has no rule %q", name, string(rule))
	}
	return ""
}

func problem(at *ast.Location, format string, args ...any) *Problem {
	return &Problem{Location: at, Text: fmt.Sprintf(format, args...)}
}

func (l *library) list() string {
	return "data.ratify." + strings.Join(util.KeysSorted(l.topics), ", data.ratify.")
}

// reserved tells packages of the library. The tests beside a topic have packages
// of their own, data.ratify.<topic>_test, which can add nothing to it.
func reserved(path ast.Ref) bool {
	name, ok := topicOf(path)
	return whole(path) || ok && !strings.HasSuffix(name, "_test")
}
