// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// load is an [ast.ModuleLoader]: given all modules of a compilation, with their
// references resolved, it returns the topics they need. OPA calls it again with
// what it returned until it returns nothing.
func (l *library) load(modules map[string]*ast.Module) (map[string]*ast.Module, error) {
	present := map[string]bool{}
	var problems []error
	for _, file := range util.KeysSorted(modules) {
		m := modules[file]
		if name, ok := l.recognise(m); ok {
			present[name] = true
		} else {
			problems = append(problems, l.check(m)...)
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	missing := map[string]*ast.Module{}
	for _, name := range l.wanted(modules) {
		if t := l.topics[name]; !present[name] {
			missing[t.file] = t.parsed
		}
	}
	if len(missing) > 0 {
		dropUsedImports(modules)
	}
	return missing, nil
}

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

// check finds what a policy may not do.
func (l *library) check(m *ast.Module) []error {
	var problems []error
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

func problem(at *ast.Location, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if at == nil {
		return errors.New(text)
	}
	return fmt.Errorf("%v: %s", at, text)
}

func (l *library) list() string {
	return "data.ratify." + strings.Join(util.KeysSorted(l.topics), ", data.ratify.")
}

// wanted lists the topics that the modules refer to, those that these topics
// need in turn, and the required ones.
func (l *library) wanted(modules map[string]*ast.Module) []string {
	found := map[string]bool{}
	if names := required.Load(); names != nil {
		l.want(found, *names...)
	}
	for _, m := range modules {
		for ref := range refs(m) {
			if name, ok := topicOf(ref); ok {
				l.want(found, name)
			} else if whole(ref) {
				l.want(found, slices.Collect(maps.Keys(l.topics))...)
			}
		}
	}
	return util.KeysSorted(found)
}

func (l *library) want(found map[string]bool, names ...string) {
	for _, name := range names {
		if t := l.topics[name]; t != nil && !found[name] {
			found[name] = true
			l.want(found, t.needs...)
		}
	}
}

// dropUsedImports removes imports that a module makes use of. After a loader has
// returned modules, OPA resolves references once more and reports every import as
// unused, because by now all references are resolved (v1.22, strict mode).
func dropUsedImports(modules map[string]*ast.Module) {
	for _, m := range modules {
		m.Imports = slices.DeleteFunc(m.Imports, func(imp *ast.Import) bool {
			path, ok := imp.Path.Value.(ast.Ref)
			if !ok {
				return false
			}
			for ref := range refs(m) {
				if ref.HasPrefix(path) {
					return true
				}
			}
			return false
		})
	}
}

// refs yields every reference in the rules of m.
func refs(m *ast.Module) iter.Seq[ast.Ref] {
	return func(yield func(ast.Ref) bool) {
		more := true
		for _, rule := range m.Rules {
			ast.WalkRefs(rule, func(ref ast.Ref) bool {
				more = more && yield(ref)
				return !more
			})
		}
	}
}

// reserved tells packages of the library. The tests beside a topic have packages
// of their own, data.ratify.<topic>_test, which can add nothing to it.
func reserved(path ast.Ref) bool {
	name, ok := topicOf(path)
	return whole(path) || ok && (len(path) > 3 || !strings.HasSuffix(name, "_test"))
}

// topicOf returns x of data.ratify.x and of what lies below.
func topicOf(ref ast.Ref) (string, bool) {
	if len(ref) < 3 || !ref.HasPrefix(ratifyRef()) {
		return "", false
	}
	name, ok := ref[2].Value.(ast.String)
	return string(name), ok
}

// whole tells references that may mean any topic: data.ratify and data.ratify[x].
func whole(ref ast.Ref) bool {
	_, named := topicOf(ref)
	return !named && ref.HasPrefix(ratifyRef())
}

func ratifyRef() ast.Ref { return ast.Ref{ast.DefaultRootDocument, ast.InternedTerm("ratify")} }
