// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// maxTrustDocuments bounds how many compiled trust documents are kept. A policy
// that computes one per namespace of a large cluster stays below it.
const maxTrustDocuments = 256

// trustCache keeps compiled trust documents by value, so that a document is
// decoded once and not per call. It may be shared between goroutines.
type trustCache struct {
	mu    sync.RWMutex
	byKey map[int][]compiled
	size  int
}

type compiled struct {
	value   ast.Value
	service *service.Service // compiled for it: key providers are its
	doc     *trust.Document
}

func newTrustCache() *trustCache { return &trustCache{byKey: map[int][]compiled{}} }

// compile returns the compiled form of v. An invalid document is the policy author's to mend; it stops evaluation
// with every problem named by its path.
func (t *trustCache) compile(ctx context.Context, s *service.Service, v ast.Value, path string) (*trust.Document, error) {
	key := v.Hash()
	if doc := t.get(key, s, v); doc != nil {
		return doc, nil
	}
	plain, err := ast.JSON(v)
	if err != nil {
		return nil, wrong(path, "is not a JSON value: %v", err)
	}
	raw, err := json.Marshal(plain)
	if err != nil {
		return nil, wrong(path, "is not a JSON value: %v", err)
	}
	doc, err := s.ParseTrust(ctx, raw)
	if err != nil {
		return nil, trustProblem(path, err)
	}
	t.put(key, compiled{v, s, doc})
	return doc, nil
}

// trustProblem prefixes every problem of a trust document with where the
// document stands in the operand.
func trustProblem(path string, err error) error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return wrong(path, "%v", err)
	}
	problems := make([]error, 0, len(joined.Unwrap()))
	for _, e := range joined.Unwrap() {
		problems = append(problems, wrong(path, "%v", e))
	}
	return fmt.Errorf("invalid trust document: %w", errors.Join(problems...))
}

func (t *trustCache) get(key int, s *service.Service, v ast.Value) *trust.Document {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, c := range t.byKey[key] {
		if c.service == s && ast.ValueEqual(c.value, v) && !c.doc.Stale() {
			return c.doc
		}
	}
	return nil
}

func (t *trustCache) put(key int, c compiled) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.size >= maxTrustDocuments { // rare: start afresh rather than track use
		clear(t.byKey)
		t.size = 0
	}
	kept := t.byKey[key][:0]
	for _, old := range t.byKey[key] {
		if !ast.ValueEqual(old.value, c.value) {
			kept = append(kept, old)
		} else {
			t.size--
		}
	}
	t.byKey[key] = append(kept, c)
	t.size++
}
