// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/opa-ratify/opa-ratify/test/regotest"
)

// TestRego runs the tests beside the rules as `opa test` does, and demands that
// they reach every expression.
//
//nolint:paralleltest // other tests let OPA write syntax with places, tenfold: see input.value
func TestRego(t *testing.T) {
	regotest.Run(t, time.Minute, []string{"finding", "places", "report", "rules", "sample", "syntax"}, func(file string, _ *ast.Module, _ int) bool {
		return strings.HasSuffix(file, "_test.rego")
	})
}
