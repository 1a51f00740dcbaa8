// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/types"
)

// Types below the top level of an operand or result are never types.Named: OPA
// v1.22's type checker panics on them (open-policy-agent/opa#5582). Results are
// closed objects, so that `check` finds a misspelt field.

func object(fields ...*types.StaticProperty) types.Type { return types.NewObject(fields, nil) }

func field(name string, t types.Type) *types.StaticProperty { return types.NewStaticProperty(name, t) }

func list(of types.Type) types.Type { return types.NewArray(nil, of) }

func stringMap() types.Type { return types.NewObject(nil, types.NewDynamicProperty(types.S, types.S)) }

func describe(name string, t types.Type, description string) types.Type {
	return types.Named(name, t).Description(description)
}

const imageDescription = "the image, as a reference (`registry/repository:tag`, `registry/repository@sha256:…`, Docker short names)"

// requestType is what [parseRequest] accepts for the given keys. The object is
// open because OPA's type checker would otherwise insist that a literal has
// every key; unknown keys are refused when the call is made.
func requestType(keys []string) types.Type {
	return types.NewAny(types.S, types.NewObject(requestFields(keys), types.NewDynamicProperty(types.S, types.A)))
}

func requestFields(keys []string) []*types.StaticProperty {
	fields := make([]*types.StaticProperty, len(keys))
	for i, key := range keys {
		fields[i] = field(key, requestField(key))
	}
	return fields
}

func requestField(key string) types.Type {
	switch key {
	case "trust", "envelope":
		return types.A
	case "annotations":
		return stringMap()
	case "fresh":
		return types.B
	default:
		return types.S
	}
}

func requestDescription(keys []string) string {
	return "the image as a string, or an object with " + requestDescriptions(keys)
}

func requestDescriptions(keys []string) string {
	var about []string
	for _, key := range keys {
		about = append(about, "`"+key+"`: "+requestHelp[key])
	}
	return strings.Join(about, "; ")
}

var requestHelp = map[string]string{ //nolint:gochecknoglobals // constant table
	"image":         imageDescription + " (required)",
	"trust":         "the trust document that says which signers count (default: Notation's own configuration on this machine)",
	"platform":      "`os/architecture[/variant]` of a child of an index, or `*` for every child",
	"annotations":   "an object of annotations that the signature must carry",
	"timeout":       "a duration such as `2s`, never beyond the caller's own deadline",
	"fresh":         "`true`: ask the registry, whatever is known",
	"max_stale":     "a duration such as `1h`: if the registry cannot be asked, use what it said last if that is no older; the answer's `stale` says so",
	"artifact_type": "only referrers of this artifact type",

	"predicate_type": "the in-toto predicate type, compared exactly (required for `ratify.attestations`)",
	"digest":         "the digest of what was signed (it or `bytes` is required)",
	"bytes":          "what was signed, base64",
	"envelope":       "the detached signature: a Sigstore bundle as an object, or base64 of a Sigstore bundle or a Notary envelope (required)",
	"policy":         "the statement of the Notary trust policy to judge by (default: the one with scope `*`)",
}

func errorType() types.Type {
	return list(object(
		field("code", types.S), field("message", types.S), field("stage", types.S), field("retryable", types.B),
	))
}

func staleType() types.Type {
	return list(object(field("stage", types.S), field("as_of", types.S), field("code", types.S), field("message", types.S)))
}

func signatureType() types.Type { return list(object(signatureFields()...)) }

func signatureFields() []*types.StaticProperty {
	return []*types.StaticProperty{
		field("format", types.S), field("artifact_type", types.S), field("digest", types.S), field("verified", types.B),
		field("signer", object(
			field("kind", types.S), field("subject", types.S), field("issuer", types.S), field("identity", types.S),
			field("oidc_issuer", types.S), field("fingerprint", types.S), field("key", types.S), field("claims", stringMap()),
		)),
		field("trust", object(
			field("policy", types.S), field("level", types.S), field("store", types.S), field("identity", types.S), field("key", types.S),
		)),
		field("signed_at", types.S), field("expires_at", types.S), field("annotations", stringMap()),
		field("checks", list(object(
			field("name", types.S), field("outcome", types.S), field("action", types.S), field("message", types.S),
		))),
		field("errors", errorType()),
	}
}

func reportType() types.Type { return object(reportFields()...) }

func reportFields() []*types.StaticProperty {
	return []*types.StaticProperty{
		field("image", types.S), field("reference", types.S), field("digest", types.S), field("media_type", types.S),
		field("verdict", types.S), field("verified", types.B),
		field("signatures", signatureType()),
		field("platforms", list(object(
			field("platform", types.S), field("digest", types.S), field("media_type", types.S),
			field("verdict", types.S), field("verified", types.B),
			field("signatures", signatureType()), field("errors", errorType()),
		))),
		field("stale", staleType()), field("errors", errorType()),
	}
}

const reportDescription = "the report: `verdict` is `verified`, `rejected` or `inconclusive`, `verified` is true only for the first; " +
	"`signatures` has one finding per signature with its `signer`, `checks` and `errors`; `platforms` one per demanded child of an index; " +
	"`stale` names what is older than its TTL and was used all the same (`as_of` is when the registry said so, `code` why it could not be asked again); " +
	"`errors` says why the image is not verified. Every field is always present"
