// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"context"
	"errors"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
)

// rule is what decides about one key.
const rule = "data.ratify.gatekeeper.item"

// errNoLibrary means that nothing defines the rule.
var errNoLibrary = errors.New(rule + " is not defined: the Rego library of opa-ratify is not loaded")

// query keeps the prepared query of the compiler it was prepared with.
type query struct {
	mu       sync.Mutex
	compiler *ast.Compiler
	prepared rego.PreparedEvalQuery
}

// prepare returns the query for the policies that txn sees. Comparing compilers
// instead of waiting for a trigger leaves no moment in which an old query meets
// new data: OPA exchanges the compiler while no transaction is open.
//
// The text of the query is a constant: what a client sends is only ever input
// (threat: CVE-2025-46569, Rego by request path).
func (p *Provider) prepare(ctx context.Context, txn storage.Transaction) (rego.PreparedEvalQuery, error) {
	q := &p.query
	q.mu.Lock()
	defer q.mu.Unlock()
	compiler := p.manager.GetCompiler()
	if compiler != nil && compiler == q.compiler {
		return q.prepared, nil
	}
	if compiler == nil || len(compiler.GetRulesExact(ast.MustParseRef(rule))) == 0 {
		return rego.PreparedEvalQuery{}, errNoLibrary
	}
	prepared, err := rego.New(
		rego.Query(rule),
		rego.Compiler(compiler),
		rego.Store(p.manager.Store),
		rego.Transaction(txn),
		rego.Runtime(p.manager.Info),
		rego.PrintHook(p.manager.PrintHook()),
	).PrepareForEval(ctx)
	if err != nil {
		return rego.PreparedEvalQuery{}, err
	}
	q.compiler, q.prepared = compiler, prepared
	return prepared, nil
}
