// SPDX-License-Identifier: Apache-2.0

package builtins

//go:generate go test -run Generated$ . -update

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

// builtin is one declaration and its implementation.
type builtin struct {
	decl *ast.Builtin
	eval func(call) (ast.Value, error)
}

// all lists the built-ins in the order in which the reference documents them.
func all() []builtin {
	return []builtin{
		verifyOne(),
		verifyAll(),
		attestations(),
		artifacts(),
		verifyBlob(),
		resolve(),
		referrers(),
		manifest(),
		imageConfig(),
		referenceParse(),
		referenceMatches(),
	}
}

// Register makes the built-ins known to OPA, hides secrets in the environment from
// opa.runtime, and lets time.now_ns follow captured evidence. It must be called once, before any
// command, compiler or server is used, and not concurrently with them.
func Register() {
	for _, b := range all() {
		ast.RegisterBuiltin(b.decl)
		topdown.RegisterBuiltinFunc(b.decl.Name, b.wrap())
	}
	hideSecrets()
	followEvidence()
}

// Close finishes what the built-ins do behind an answer, such as writing contents
// to the directory that keeps them. A process calls it before it ends.
func Close() error {
	if s := service.Use(nil); s != nil {
		return s.Close()
	}
	return nil
}

// Declarations returns what [Register] registers, for generators and tests.
func Declarations() []*ast.Builtin {
	list := all()
	decls := make([]*ast.Builtin, len(list))
	for i, b := range list {
		decls[i] = b.decl
	}
	return decls
}
