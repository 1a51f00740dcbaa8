// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// ParseKey is parseKey for tests.
func ParseKey(key string) (namespace, image string, err error) {
	q, err := parseKey(key)
	return q.namespace, q.image, err
}

// ParseRequest is parseRequest for tests.
func ParseRequest(body []byte, maxKeys int) (apiVersion string, keys []string, err error) {
	r, err := parseRequest(body, maxKeys)
	return r.apiVersion, r.keys, err
}

// DecodeRequest is what ParseRequest does with a body that is not plain.
func DecodeRequest(body []byte) (apiVersion string, keys []string, err error) {
	r, err := decodeRequest(body)
	return r.apiVersion, r.keys, err
}

// PlainRequest is plainRequest for tests.
func PlainRequest(body []byte) (keys []string, ok bool) {
	r, ok := plainRequest(body)
	return r.keys, ok
}

// EncodeObject writes o as the answer to a client, with a member named
// timestamp and one named traceID.
func EncodeObject(o ast.Object, timestamp, traceID string) ([]byte, error) {
	return newEncoder().object(nil, o, member{"timestamp", timestamp}, member{"traceID", traceID})
}

// Results is results for tests.
type Results struct{ results }

// Begin forgets everything. Results with a memo know what it keeps.
func (r *Results) Begin(m *Memo) {
	if m == nil {
		r.begin(nil)
	} else {
		r.begin(m.memo)
	}
}

// Memo is memo for tests.
type Memo struct{ memo *memo }

// NewMemo is newMemo for tests.
func NewMemo() *Memo { return &Memo{newMemo()} }

// Size returns how many results the memo keeps, and about how many bytes they take.
func (m *Memo) Size() (results, bytes int) {
	m.memo.mu.Lock()
	defer m.memo.mu.Unlock()
	return m.memo.results.Len(), m.memo.bytes
}

// Functions is functions for tests.
func Functions() []ast.Ref { return functions() }

// Documents is documents for tests.
type Documents struct{ documents }

// Begin forgets everything.
func (d *Documents) Begin() { d.begin() }

// Crew is crew for tests.
type Crew struct{ crew *crew }

// NewCrew is newCrew for tests.
func NewCrew() Crew { return Crew{newCrew()} }

// Do is crew.do for tests.
func (c Crew) Do(job func()) { c.crew.do(job) }

// The bounds that tests have to reach.
const (
	IdleTime  = idleTime
	MemoBytes = memoBytes
)

var (
	_ topdown.VirtualCache = (*results)(nil)
	_ topdown.BaseCache    = (*documents)(nil)
)
