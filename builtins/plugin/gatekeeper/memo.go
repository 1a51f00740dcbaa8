// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/open-policy-agent/opa/v1/ast"
)

// functions are those of the Rego library whose results are kept between
// evaluations: they look at nothing but their operands, which a test proves.
// They put a report into other shapes or words, or read settings; what is allowed
// is never among them. Nobody can add rules to them: data.ratify is reserved for
// the library.
func functions() []ast.Ref {
	return []ast.Ref{
		ast.MustParseRef("data.ratify.gatekeeper._value"),
		ast.MustParseRef("data.ratify.gatekeeper._admitted"),
		ast.MustParseRef("data.ratify.report.messages"),
		ast.MustParseRef("data.ratify.report.codes"),
		ast.MustParseRef("data.ratify.report.retryable"),
		ast.MustParseRef("data.ratify.policy.statements"),
		ast.MustParseRef("data.ratify.policy._demanded_here"),
		ast.MustParseRef("data.ratify.policy_settings._standing_faults"),
		ast.MustParseRef("data.ratify.policy_settings._named"),
	}
}

// The bounds of a memo. An image with one signature takes about 20 KiB.
const (
	memoBytes   = 16 << 20
	memoEntries = 1 << 14
)

// memo keeps results of [functions] for the policies of one moment, the least
// used go first. It may be shared: terms do not change once they are built.
type memo struct {
	functions []ast.Ref

	mu      sync.Mutex
	results *simplelru.LRU[uint64, *application] // by hash of the call
	values  map[ast.Value]*application           // the same by result, for that very result
	latest  []*application                       // of every function
	bytes   int
}

// application is a function, its operands, the result and what became of it.
type application struct {
	call  ast.Ref
	value *ast.Term
	bytes int // about
	json  *rendering
}

// rendering is a value as JSON, apart from what is different in every answer.
type rendering struct{ before, after string }

func newMemo() *memo {
	m := &memo{functions: functions(), values: map[ast.Value]*application{}}
	m.latest = make([]*application, len(m.functions))
	m.results, _ = simplelru.NewLRU(memoEntries, m.evicted) // its only error is a size below 1
	return m
}

func (m *memo) evicted(_ uint64, a *application) {
	m.bytes -= a.bytes
	if m.values[a.value.Value] == a {
		delete(m.values, a.value.Value)
	}
}

// function returns which function is called, -1 if its results are not kept.
func (m *memo) function(call ast.Ref) int {
	called, ok := call[0].Value.(ast.Ref)
	if !ok || m == nil {
		return -1
	}
	return slices.IndexFunc(m.functions, func(f ast.Ref) bool { return same(f, called) })
}

// get returns the result of the call, nil if it is not known.
func (m *memo) get(call ast.Ref, h uint64) *ast.Term {
	if m.function(call) < 0 {
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
	f := m.function(call)
	if f < 0 {
		return
	}
	a := &application{call: slices.Clone(call), value: value}
	m.mu.Lock()
	defer m.mu.Unlock()
	a.bytes = weigh(value.Value) + a.share(m.latest[f])
	if a.bytes > memoBytes {
		return
	}
	m.results.Remove(h)
	m.results.Add(h, a)
	if o, ok := value.Value.(ast.Object); ok {
		m.values[o] = a
	}
	m.latest[f] = a
	for m.bytes += a.bytes; m.bytes > memoBytes; {
		m.results.RemoveOldest()
	}
}

// share replaces operands by equal ones of another call: settings are read from
// data for every evaluation, and one copy is enough. It returns what the other
// operands take, in bytes.
func (a *application) share(other *application) (bytes int) {
	for i := 1; i < len(a.call); i++ {
		if other != nil && i < len(other.call) && a.call[i].Hash() == other.call[i].Hash() && a.call[i].Equal(other.call[i]) {
			a.call[i] = other.call[i]
		} else {
			bytes += weigh(a.call[i].Value)
		}
	}
	return bytes
}

// rendering returns the JSON of the value in an answer, nil if it is not known.
func (m *memo) rendering(answer, value ast.Object) *rendering {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.result(answer, value); a != nil {
		return a.json
	}
	return nil
}

// render makes the JSON of the value in an answer known. It stays with the answer if
// that is a result of this memo, else with the value; others are left alone.
func (m *memo) render(answer, value ast.Object, json rendering) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.result(answer, value)
	if a == nil || a.json != nil {
		return
	}
	a.json = &json
	a.bytes += len(json.before) + len(json.after)
	m.bytes += len(json.before) + len(json.after)
}

func (m *memo) result(answer, value ast.Object) *application {
	if a := m.values[answer]; a != nil {
		return a
	}
	return m.values[value]
}

// weigh estimates how many bytes v takes.
func weigh(v ast.Value) int {
	const term, pair = 48, 144
	switch v := v.(type) {
	case ast.String:
		return term + len(v)
	case *ast.Array:
		n := term
		v.Foreach(func(t *ast.Term) { n += term + weigh(t.Value) })
		return n
	case ast.Set:
		n := term
		v.Foreach(func(t *ast.Term) { n += pair + weigh(t.Value) })
		return n
	case ast.Object:
		n := pair
		v.Foreach(func(k, v *ast.Term) { n += pair + weigh(k.Value) + weigh(v.Value) })
		return n
	default:
		return term
	}
}

// same compares from the end, where references differ.
func same(a, b []*ast.Term) bool {
	if len(a) != len(b) {
		return false
	}
	for i := len(a) - 1; i >= 0; i-- { //nolint:modernize // twice as fast as an iterator, and it is hot
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}
