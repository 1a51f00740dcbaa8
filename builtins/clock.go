// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"encoding/json"
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

// followEvidence wraps time.now_ns: a policy that is asked about captured evidence
// sees the time at which that was captured, as the built-ins do, so that what
// expires meanwhile does not change the answer.
func followEvidence() {
	original := topdown.GetBuiltin(ast.NowNanos.Name)
	topdown.RegisterBuiltinFunc(ast.NowNanos.Name, func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
		asOf, standing, err := service.AsOf()
		switch {
		case err != nil:
			return halt(bctx, ast.NowNanos.Name, err)
		case standing:
			return iter(ast.NumberTerm(json.Number(strconv.FormatInt(asOf.UnixNano(), 10))))
		default:
			return original(bctx, operands, iter)
		}
	})
}
