// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

func referenceParse() builtin {
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.reference.parse",
			Description: "Parses an image reference as Docker does and returns its canonical parts: `nginx` is " +
				"`docker.io/library/nginx:latest`, hosts are lower case without default port or trailing dot. No network.",
			Categories: []string{"ratify.reference"},
			Decl: types.NewFunction(
				types.Args(describe("image", types.S, imageDescription)),
				describe("parts", object(
					field("valid", types.B), field("error", types.S),
					field("reference", types.S), field("name", types.S), field("registry", types.S), field("repository", types.S),
					field("tag", types.S), field("digest", types.S),
				), "`reference` is the canonical spelling (a digest wins over a tag), `name` is `registry/repository`; "+
					"`valid` is false, `error` says why and the other parts are empty if the image cannot be read in exactly one way"),
			),
		},
		eval: func(c call) (ast.Value, error) {
			image, err := stringOf(c.operands[0].Value)
			if err != nil {
				return nil, err
			}
			ref, err := reference.Parse(image)
			problem := ""
			if err != nil {
				problem = err.Error()
			}
			name := ""
			if err == nil {
				name = ref.Name()
			}
			return ast.NewObject(
				boolean("valid", err == nil), str("error", problem),
				str("reference", ref.String()), str("name", name), str("registry", ref.Registry), str("repository", ref.Repository),
				str("tag", ref.Tag), str("digest", ref.Digest.String()),
			), nil
		},
	}
}

func referenceMatches() builtin {
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.reference.matches",
			Description: "Reports whether an image lies in a scope. Host labels and path segments are compared whole, never as text: " +
				"`ghcr.io/acme` matches `ghcr.io/acme/app` but neither `ghcr.io.evil.example/acme` nor `ghcr.io/acme-evil`. No network.",
			Categories: []string{"ratify.reference"},
			Decl: types.NewFunction(
				types.Args(
					describe("pattern", types.S, "`*`, `registry`, `*.registry`, `registry/path` (that repository and all below), "+
						"`registry/path/*` (one more segment) or `registry/path/**` (all below)"),
					describe("image", types.S, imageDescription),
				),
				describe("result", types.B, "true if the image lies in the scope; false for an image that cannot be parsed. An invalid pattern stops evaluation"),
			),
		},
		eval: func(c call) (ast.Value, error) {
			pattern, err := stringOf(c.operands[0].Value)
			if err != nil {
				return nil, err
			}
			scope, err := reference.ParseScope(pattern)
			if err != nil {
				return nil, wrong("", "%v", err)
			}
			image, ok := c.operands[1].Value.(ast.String)
			if !ok {
				return nil, &operandError{operand: 2, problem: "must be a string, is " + ast.ValueName(c.operands[1].Value)}
			}
			ref, err := reference.Parse(string(image))
			return ast.Boolean(err == nil && scope.Match(ref)), nil
		},
	}
}
