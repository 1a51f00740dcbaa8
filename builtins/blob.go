// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

func verifyBlob() builtin {
	trusts := newTrustCache()
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.verify_blob",
			Description: "Verifies a detached signature over a digest or over bytes against a trust document; no registry is asked. " +
				"For OPA bundles, Helm charts, files. With `predicate_type` it verifies a detached statement about them.",
			Decl: types.NewFunction(
				types.Args(describe("request", types.NewObject(requestFields(blobKeys), types.NewDynamicProperty(types.S, types.A)),
					"an object with "+requestDescriptions(blobKeys))),
				describe("report", object(append(reportFields(), field("attestations", attestationType()))...),
					reportDescription+". `image` and `reference` are empty; `attestations` has the statement that `predicate_type` asked for, "+
						"with its content if it is verified"),
			),
			Nondeterministic: true, // depends on the clock, asks revocation responders
		},
		eval: func(c call) (ast.Value, error) {
			if _, ok := c.operands[0].Value.(ast.Object); !ok {
				return nil, wrong("", "must be an object, is %s", ast.ValueName(c.operands[0].Value))
			}
			r, err := parseRequest(c.operands[0].Value, "", blobKeys)
			if err != nil {
				return nil, err
			}
			q := verify.BlobRequest{Blob: verify.Blob{
				Digest: digest.Digest(r.digest), Bytes: r.bytes, Envelope: r.envelope, Annotations: r.annotations,
				Policy: r.policy, PredicateType: r.predicateType,
			}}
			if r.bytes != nil {
				of := digest.FromBytes(r.bytes)
				if q.Digest != "" && q.Digest != of {
					return nil, wrong(".digest", "%s is not the digest of \"bytes\", which is %s", q.Digest, of)
				}
				q.Digest = of
			}
			if r.trust == nil {
				q.Trust, q.Untrusted = c.service.LocalTrust()
			} else if q.Trust, err = trusts.compile(c.ctx, c.service, r.trust, ".trust"); err != nil {
				return nil, err
			}
			return encodeBlob(c.service.VerifyBlob(c.ctx, q), r.predicateType != ""), nil
		},
	}
}

// encodeBlob gives an answer about a signature the same fields as one about a
// statement.
func encodeBlob(r *report.Report, attested bool) ast.Value {
	if !attested {
		return ast.NewObject(append(reportPairs(r), at("attestations", ast.NewArray()))...)
	}
	return encodeAttestations(r, at("signatures", array(r.Signatures, encodeSignature)), at("platforms", array(r.Platforms, encodePlatform)))
}
