// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"iter"

	"github.com/open-policy-agent/opa/v1/ast"
)

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
