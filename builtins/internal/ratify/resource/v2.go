// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// v2 recognises a custom resource of the second generation.
//
// Spec: Ratify v2, api/v2beta1.
func (s *Set) v2(m Meta) {
	if strings.TrimPrefix(m.Kind, "Namespaced") != "Executor" {
		m.At.Skip()
		m.At.Add(finding.NoCounterpart, "the kind "+m.Kind+" is not known; it was not migrated", "")
		return
	}
	s.read = append(s.read, m.At)
	s.executor(m, m.At.Get("spec"))
}

// second recognises config.json of the second generation.
func (s *Set) second(root source.Value) {
	s.read = append(s.read, root)
	for _, e := range root.Get("executors").List() {
		s.executor(Meta{Kind: "executor", At: e}, e)
	}
	concurrency(root.Get("maxConcurrency"))
}

func (s *Set) executor(m Meta, spec source.Value) {
	e := Executor{Meta: m, Scopes: spec.Get("scopes").List()}
	for _, v := range spec.Get("verifiers").List() {
		name := v.Get("name").Text()
		e.Verifiers = append(e.Verifiers, Verifier{
			Meta: Meta{Kind: m.Kind, Namespace: m.Namespace, Name: name, At: v}, Type: v.Get("type").Text(), Parameters: v.Get("parameters"),
		})
	}
	for _, v := range spec.Get("stores").List() {
		for _, scope := range v.Get("scopes").List() {
			scope.Text()
		}
		e.Stores = append(e.Stores, Store{Meta: Meta{Kind: m.Kind, Namespace: m.Namespace, At: v}, Type: v.Get("type").Text(), Parameters: v.Get("parameters")})
	}
	if p := spec.Get("policyEnforcer"); p.Exists() {
		e.Policy = &Policy{Meta: Meta{Kind: m.Kind, Namespace: m.Namespace, At: p}, Type: p.Get("type").Text(), Parameters: p.Get("parameters")}
	}
	concurrency(spec.Get("concurrency"))
	s.Executors = append(s.Executors, e)
}

func concurrency(v source.Value) {
	deployment(v, "work is bounded by plugins.ratify.limits.concurrent_verifications and registries[].max_concurrent_requests")
}
