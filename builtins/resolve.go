// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

func resolve() builtin {
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.resolve",
			Description: "Resolves an image reference to the descriptor it names now, without verifying anything. " +
				"`digest` is empty and `errors` says why when the registry did not tell.",
			Decl: types.NewFunction(
				types.Args(describe("request", requestType(resolveKeys), requestDescription(resolveKeys))),
				describe("descriptor", object(
					field("image", types.S), field("reference", types.S), field("digest", types.S),
					field("media_type", types.S), field("size", types.N), field("stale", staleType()), field("errors", errorType()),
				), "`reference` is `registry/repository@digest`, `size` is in bytes"),
			),
			Nondeterministic: true, // asks registries
		},
		eval: func(c call) (ast.Value, error) {
			r, err := parseRequest(c.operands[0].Value, "", resolveKeys)
			if err != nil {
				return nil, err
			}
			a := c.service.Resolve(c.ctx, r.lookup(c))
			return ast.NewObject(append(about(a), size(a.Descriptor.Size))...), nil
		},
	}
}

func referrers() builtin {
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.referrers",
			Description: "Lists what is attached to an image: signatures, SBOMs, attestations. Nothing is verified: " +
				"use it to display and to route, never to admit.",
			Decl: types.NewFunction(
				types.Args(describe("request", requestType(referrersKeys), requestDescription(referrersKeys))),
				describe("listing", object(
					field("image", types.S), field("reference", types.S), field("digest", types.S), field("media_type", types.S),
					field("referrers", list(object(
						field("artifact_type", types.S), field("media_type", types.S), field("digest", types.S),
						field("size", types.N), field("annotations", stringMap()),
					))),
					field("stale", staleType()), field("errors", errorType()),
				), "`referrers` are the descriptors as far as they could be listed; `errors` is not empty when the list is incomplete"),
			),
			Nondeterministic: true, // asks registries
		},
		eval: func(c call) (ast.Value, error) {
			r, err := parseRequest(c.operands[0].Value, "", referrersKeys)
			if err != nil {
				return nil, err
			}
			a, descriptors := c.service.Referrers(c.ctx, r.lookup(c), r.artifactType)
			return ast.NewObject(append(about(a), at("referrers", array(descriptors, encodeDescriptor)))...), nil
		},
	}
}

func manifest() builtin {
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.manifest",
			Description: "Fetches the manifest an image reference names (an index or an image manifest), checked against its digest. " +
				"It says what the image is, not who vouches for it. With `platform` the child of an index is fetched.",
			Decl: types.NewFunction(
				types.Args(describe("request", requestType(manifestKeys), requestDescription(manifestKeys))),
				describe("result", documentType("manifest"), "`manifest` is the document, {} when `errors` is not empty"),
			),
			Nondeterministic: true, // asks registries
		},
		eval: func(c call) (ast.Value, error) { return document(c, "manifest", c.service.Manifest) },
	}
}

func imageConfig() builtin {
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.image_config",
			Description: "Fetches an image's configuration (user, entry point, labels, architecture), checked against its digest. " +
				"For an index, `platform` says which child.",
			Decl: types.NewFunction(
				types.Args(describe("request", requestType(manifestKeys), requestDescription(manifestKeys))),
				describe("result", documentType("config"), "`config` is the document, {} when `errors` is not empty"),
			),
			Nondeterministic: true, // asks registries
		},
		eval: func(c call) (ast.Value, error) { return document(c, "config", c.service.ImageConfig) },
	}
}

func documentType(name string) types.Type {
	return object(
		field("image", types.S), field("reference", types.S), field("digest", types.S), field("media_type", types.S),
		field(name, types.NewObject(nil, types.NewDynamicProperty(types.S, types.A))),
		field("stale", staleType()), field("errors", errorType()),
	)
}
