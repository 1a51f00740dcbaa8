// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// OPA's type checker decides at compile time what policies can be written.
func TestPoliciesTypeCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, rule string
		want       bool
	}{
		{"image alone", `x := ratify.verify("nginx")`, true},
		{"request with some of the keys", `x := ratify.verify({"image": input.image, "trust": data.trust})`, true},
		{"request from input", `x := ratify.verify(input)`, true},
		{"list of images", `x := ratify.verify_all(["a", "b"])`, true},
		{"list of requests", `x := ratify.verify_all([{"image": "a", "trust": {}}])`, true},
		{"comprehension of requests", `x := ratify.verify_all([{"image": i, "trust": data.trust} | some i in input])`, true},
		{"field of the report", `x := ratify.verify("a").signatures[0].signer.subject`, true},
		{"report handed on to another built-in", `x := startswith(ratify.verify("a").signatures[0].digest, "sha256:")`, true},
		{"reports handed on", `x := count(ratify.verify_all(["a"])[0].errors)`, true},
		{"misspelt field of the report", `x := ratify.verify("a").verfied`, false},
		{"misspelt field further down", `x := ratify.verify("a").signatures[0].signer.subjct`, false},
		{"image of a wrong type", `x := ratify.verify({"image": 1})`, false},
		{"number for a request", `x := ratify.verify(1)`, false},
		{"object for a list", `x := ratify.verify_all({"image": "a"})`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := ast.CompileModules(map[string]string{"p.rego": "package p\n\n" + tt.rule})
			if (err == nil) != tt.want {
				t.Errorf("compiles: %v, want %v; %v", err == nil, tt.want, err)
			}
		})
	}
}
