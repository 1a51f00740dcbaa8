// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"encoding/base64"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

func artifacts() builtin {
	trusts := newTrustCache()
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.artifacts",
			Description: "Lists the referrers of one artifact type (an SBOM, a scan), verifies each of them as a subject of its own, and returns the " +
				"content of those the trust document accepts. What vouches for an artifact is a signature on it, not on the image.",
			Decl: types.NewFunction(
				types.Args(describe("request", requestType(artifactsKeys), requestDescription(artifactsKeys))),
				describe("listing", object(
					field("image", types.S), field("reference", types.S), field("digest", types.S), field("media_type", types.S),
					field("artifacts", list(object(
						field("artifact_type", types.S), field("media_type", types.S), field("digest", types.S), field("size", types.N),
						field("annotations", stringMap()),
						field("verdict", types.S), field("verified", types.B), field("signatures", signatureType()),
						field("contents", list(object(
							field("media_type", types.S), field("digest", types.S), field("size", types.N), field("annotations", stringMap()),
							field("json", types.A), field("text", types.S), field("base64", types.S),
						))),
						field("errors", errorType()),
					))),
					field("stale", staleType()), field("errors", errorType()),
				), "`artifacts` as far as they could be listed. `contents` is [] unless the artifact is verified: one entry per blob, "+
					"`json` is the parsed document (null if it is none), `text` its text (empty if it is not UTF-8), `base64` its bytes if it is neither"),
			),
			Nondeterministic: true, // asks registries, depends on the clock
		},
		eval: func(c call) (ast.Value, error) {
			r, err := parseRequest(c.operands[0].Value, "", artifactsKeys)
			if err != nil {
				return nil, err
			}
			if r.artifactType == "" {
				return nil, wrong("", `"artifact_type" is missing; a request has it beside "image"`)
			}
			q, err := r.question(c, trusts, "")
			if err != nil {
				return nil, err
			}
			listing, found := c.service.Artifacts(c.ctx, q, r.artifactType)
			return ast.NewObject(
				str("image", listing.Image), str("reference", listing.Reference), str("digest", listing.Digest), str("media_type", listing.MediaType),
				at("artifacts", array(found, encodeArtifact)), at("stale", array(listing.Stale, encodeStale)), at("errors", array(listing.Errors, encodeError)),
			), nil
		},
	}
}

func encodeArtifact(a verify.Artifact) ast.Value {
	d := a.Descriptor
	return ast.NewObject(
		str("artifact_type", d.ArtifactType), str("media_type", d.MediaType), str("digest", d.Digest.String()), size(d.Size),
		at("annotations", stringMapValue(d.Annotations)),
		str("verdict", string(a.Report.Verdict)), boolean("verified", a.Report.Verified),
		at("signatures", array(a.Report.Signatures, encodeSignature)),
		at("contents", array(a.Contents, encodeContent)),
		at("errors", array(a.Report.Errors, encodeError)),
	)
}

// encodeContent gives a blob the one form that suits it. A document too complex
// for a Rego term stays text.
func encodeContent(c verify.Content) ast.Value {
	document, text, raw := ast.NullValue, "", ""
	switch v, err := parseObject(c.Bytes); {
	case err == nil:
		document = v
	case utf8.Valid(c.Bytes):
		text = string(c.Bytes)
	default:
		raw = base64.StdEncoding.EncodeToString(c.Bytes)
	}
	return ast.NewObject(
		str("media_type", c.Descriptor.MediaType), str("digest", c.Descriptor.Digest.String()), size(c.Descriptor.Size),
		at("annotations", stringMapValue(c.Descriptor.Annotations)),
		at("json", document), str("text", text), str("base64", raw),
	)
}
