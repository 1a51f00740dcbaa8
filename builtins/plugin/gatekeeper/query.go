// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"context"
	"errors"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// rule is what decides about one key.
const rule = "data.ratify.gatekeeper.item"

// errNoLibrary means that nothing defines the rule.
var errNoLibrary = errors.New(rule + " is not defined: the Rego library of opa-ratify is not loaded")

// query makes OPA evaluate the rule, with the policies of one moment. It may be
// shared.
//
// It compares the rule with the input, which it never is, and the value is then
// read from the results: a variable in its place would get a copy.
type query struct {
	policies *ast.Compiler
	compiler ast.QueryCompiler
	body     ast.Body
	rule     ast.Ref
	memo     *memo
}

// queries keeps the query of the compiler it was compiled with.
type queries struct {
	mu     sync.Mutex
	latest query
}

// of returns the query for policies. Comparing compilers instead of waiting for
// a trigger leaves no moment in which an old query meets new data: OPA exchanges
// the compiler while no transaction is open.
//
// The text of the query is a constant: what a client sends is only ever input
// (threat: CVE-2025-46569, Rego by request path).
func (q *queries) of(policies *ast.Compiler) (query, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if policies != nil && policies == q.latest.policies {
		return q.latest, nil
	}
	ref := ast.MustParseRef(rule)
	if policies == nil || len(policies.GetRulesExact(ref)) == 0 {
		return query{}, errNoLibrary
	}
	compiler := policies.QueryCompiler()
	body, err := compiler.Compile(ast.NewBody(ast.Equality.Expr(ast.NewTerm(ref), ast.NewTerm(ast.InputRootRef))))
	if err != nil {
		return query{}, err
	}
	q.latest = query{policies, compiler, body, ref, newMemo()}
	return q.latest, nil
}

// ask evaluates the rule for one decision. The value is nil if it is undefined.
// It goes below package rego, which would start a goroutine for each evaluation
// and turn the answer into maps that nobody reads.
func (r *round) ask(ctx context.Context, d *decision) (ast.Value, error) {
	manager := r.provider.manager
	known := &d.scratch.results
	known.begin(r.query.memo)
	q := topdown.NewQuery(r.query.body).
		WithCompiler(r.query.policies).WithQueryCompiler(r.query.compiler).
		WithStore(manager.Store).WithTransaction(r.txn).WithRuntime(manager.Info).
		WithIndexing(true).WithEarlyExit(true).
		WithInput(r.terms.input(d.question)).WithTime(d.started).
		WithMetrics(d.metrics).WithNDBuiltinCache(d.ndCache).
		WithPrintHook(manager.PrintHook()).WithCancel(d.scratch.cancel).
		WithVirtualCache(known).WithBaseCache(&d.scratch.documents)
	q = r.provider.caches.with(q)
	if err := q.Iter(ctx, func(topdown.QueryResult) error { return nil }); err != nil { // also that there are two answers
		return nil, err
	}
	if answer, _ := known.Get(r.query.rule); answer != nil {
		return answer.Value, nil
	}
	return nil, nil
}
