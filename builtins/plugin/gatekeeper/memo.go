// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/open-policy-agent/opa/v1/ast"
)

// functions are those of the Rego library whose results are kept between
// evaluations: they look at nothing but their operands, which a test proves, and
// put a report into other shapes or words. What is allowed is never among them.
// Nobody can add rules to them: data.ratify is reserved for the library.
func functions() []ast.Ref {
	return []ast.Ref{
		ast.MustParseRef("data.ratify.gatekeeper._value"),
		ast.MustParseRef("data.ratify.report.messages"),
		ast.MustParseRef("data.ratify.report.codes"),
		ast.MustParseRef("data.ratify.report.retryable"),
		ast.MustParseRef("data.ratify.policy.statements"),
		ast.MustParseRef("data.ratify.policy_settings._standing_faults"),
	}
}

// memoEntries bounds a memo. An entry takes some ten kilobytes: two views of a
// report with one signature.
const memoEntries = 1 << 10

// memo keeps results of [functions] for the policies of one moment. It may be
// shared: terms do not change once they are built.
type memo struct {
	functions []ast.Ref
	mu        sync.Mutex
	results   *simplelru.LRU[uint64, application] // by hash of the call
}

// application is a function, its operands and the result.
type application struct {
	call  ast.Ref
	value *ast.Term
}

func newMemo() *memo {
	results, _ := simplelru.NewLRU[uint64, application](memoEntries, nil) // its only error is a size below 1
	return &memo{functions: functions(), results: results}
}

// keeps tells whether results of the call are kept.
func (m *memo) keeps(call ast.Ref) bool {
	function, ok := call[0].Value.(ast.Ref)
	return ok && slices.ContainsFunc(m.functions, func(f ast.Ref) bool { return same(f, function) })
}

// get returns the result of the call, nil if it is not known.
func (m *memo) get(call ast.Ref, h uint64) *ast.Term {
	if !m.keeps(call) {
		return nil
	}
	m.mu.Lock()
	a, ok := m.results.Get(h)
	m.mu.Unlock()
	if !ok || !same(a.call, call) {
		return nil
	}
	return a.value
}

func (m *memo) put(call ast.Ref, h uint64, value *ast.Term) {
	if !m.keeps(call) {
		return
	}
	a := application{slices.Clone(call), value}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.results.Add(h, a)
}

// same compares from the end, where references differ.
func same(a, b []*ast.Term) bool {
	if len(a) != len(b) {
		return false
	}
	for i := len(a) - 1; i >= 0; i-- {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}
