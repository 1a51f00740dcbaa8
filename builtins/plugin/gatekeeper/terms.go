// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/open-policy-agent/opa/v1/ast"
)

// terms are the fixed terms of one operation: what evaluations get as input, and
// the names of the fields of their answers. It may be shared.
type terms struct {
	operation operation

	name, version, none                                               *ast.Term
	image, namespace, key, operationKey, versionKey                   *ast.Term
	answerKey, answerValue, answerError, undecided, admitted, reasons *ast.Term

	mu     sync.Mutex
	inputs *simplelru.LRU[string, *ast.Term] // of keys that were asked lately: a cluster asks about the same ones
}

// The bounds of the inputs that are kept: about 8 MiB for each operation.
const (
	keptInputs   = 4 << 10
	keptInputKey = 512 // bytes
)

func newTerms(o operation) *terms {
	inputs, _ := simplelru.NewLRU[string, *ast.Term](keptInputs, nil) // its only error is a size below 1
	return &terms{
		operation: o, inputs: inputs,
		name: ast.StringTerm(o.name), version: ast.StringTerm(o.version), none: ast.StringTerm(""),
		image: ast.StringTerm("image"), namespace: ast.StringTerm("namespace"), key: ast.StringTerm("key"),
		operationKey: ast.StringTerm("operation"), versionKey: ast.StringTerm("version"),
		answerKey: ast.StringTerm("key"), answerValue: ast.StringTerm("value"), answerError: ast.StringTerm("error"),
		undecided: ast.StringTerm("undecided"), admitted: ast.StringTerm("isSuccess"), reasons: ast.StringTerm("reasons"),
	}
}

// input is what the evaluation for q gets: terms do not change, and evaluations
// may share them.
func (t *terms) input(q question) *ast.Term {
	t.mu.Lock()
	defer t.mu.Unlock()
	input, known := t.inputs.Get(q.key)
	if !known {
		input = t.newInput(q)
		if len(q.key) <= keptInputKey {
			t.inputs.Add(q.key, input)
		}
	}
	return input
}

func (t *terms) newInput(q question) *ast.Term {
	key := ast.StringTerm(q.key)
	image, namespace := key, t.none
	if q.image != q.key {
		image, namespace = ast.StringTerm(q.image), ast.StringTerm(q.namespace)
	}
	return ast.ObjectTerm(
		[2]*ast.Term{t.image, image}, [2]*ast.Term{t.namespace, namespace}, [2]*ast.Term{t.key, key},
		[2]*ast.Term{t.operationKey, t.name}, [2]*ast.Term{t.versionKey, t.version},
	)
}

// plainInput is the same for decision logs.
func (t *terms) plainInput(q question) any {
	return map[string]any{
		"image": q.image, "namespace": q.namespace, "key": q.key, "operation": t.operation.name, "version": t.operation.version,
	}
}
