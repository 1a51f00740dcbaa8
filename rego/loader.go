// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"errors"
	"maps"
	"slices"

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
			continue
		}
		for _, p := range l.check(m) {
			problems = append(problems, p)
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
