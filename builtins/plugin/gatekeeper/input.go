// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import "github.com/open-policy-agent/opa/v1/ast"

// inputs makes what the rule sees as input, for one operation. It may be shared.
type inputs struct {
	operation operation

	name, version                                                *ast.Term
	imageKey, namespaceKey, keyKey, operationKey, versionKey, no *ast.Term
}

func newInputs(o operation) *inputs {
	return &inputs{
		operation: o, name: ast.StringTerm(o.name), version: ast.StringTerm(o.version),
		imageKey: ast.StringTerm("image"), namespaceKey: ast.StringTerm("namespace"), keyKey: ast.StringTerm("key"),
		operationKey: ast.StringTerm("operation"), versionKey: ast.StringTerm("version"), no: ast.StringTerm(""),
	}
}

// term is the input of the evaluation for q.
func (i *inputs) term(q question) *ast.Term {
	key, image, namespace := ast.StringTerm(q.key), (*ast.Term)(nil), i.no
	if image = key; q.image != q.key {
		image, namespace = ast.StringTerm(q.image), ast.StringTerm(q.namespace)
	}
	return ast.ObjectTerm(
		[2]*ast.Term{i.imageKey, image}, [2]*ast.Term{i.namespaceKey, namespace}, [2]*ast.Term{i.keyKey, key},
		[2]*ast.Term{i.operationKey, i.name}, [2]*ast.Term{i.versionKey, i.version},
	)
}

// plain is the same for decision logs.
func (i *inputs) plain(q question) any {
	return map[string]any{
		"image": q.image, "namespace": q.namespace, "key": q.key, "operation": i.operation.name, "version": i.operation.version,
	}
}
