// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

type pair = [2]*ast.Term

func at(key string, v ast.Value) pair { return pair{ast.InternedTerm(key), ast.NewTerm(v)} }

func str(key, s string) pair { return pair{ast.InternedTerm(key), ast.StringTerm(s)} }

func boolean(key string, b bool) pair { return pair{ast.InternedTerm(key), ast.InternedTerm(b)} }

func array[T any](values []T, encode func(T) ast.Value) ast.Value {
	terms := make([]*ast.Term, len(values))
	for i, v := range values {
		terms[i] = ast.NewTerm(encode(v))
	}
	return ast.NewArray(terms...)
}

func stringMapValue(m map[string]string) ast.Value {
	o := ast.NewObject()
	for k, v := range m {
		o.Insert(ast.StringTerm(k), ast.StringTerm(v))
	}
	return o
}

// reportValue is the report as a Rego value, built once for all who ask while the
// report is kept. Values are immutable.
func reportValue(r *report.Report) ast.Value {
	v, ok := r.Derived(func() any { return encodeReport(r) }).(ast.Value)
	if !ok {
		return encodeReport(r)
	}
	return v
}

func encodeReport(r *report.Report) ast.Value { return ast.NewObject(reportPairs(r)...) }

func reportPairs(r *report.Report) []pair {
	return []pair{
		str("image", r.Image), str("reference", r.Reference), str("digest", r.Digest), str("media_type", r.MediaType),
		str("verdict", string(r.Verdict)), boolean("verified", r.Verified),
		at("signatures", array(r.Signatures, encodeSignature)),
		at("platforms", array(r.Platforms, encodePlatform)),
		at("stale", array(r.Stale, encodeStale)),
		at("errors", array(r.Errors, encodeError)),
	}
}

func encodeStale(s report.Stale) ast.Value {
	return ast.NewObject(str("stage", string(s.Stage)), str("as_of", s.AsOf), str("code", string(s.Code)), str("message", s.Message))
}

func encodePlatform(p report.Platform) ast.Value {
	return ast.NewObject(
		str("platform", p.Platform), str("digest", p.Digest), str("media_type", p.MediaType),
		str("verdict", string(p.Verdict)), boolean("verified", p.Verified),
		at("signatures", array(p.Signatures, encodeSignature)),
		at("errors", array(p.Errors, encodeError)),
	)
}

func encodeSignature(s report.Signature) ast.Value { return ast.NewObject(signaturePairs(s)...) }

func signaturePairs(s report.Signature) []pair {
	return []pair{
		str("format", s.Format), str("artifact_type", s.ArtifactType), str("digest", s.Digest), boolean("verified", s.Verified),
		at("signer", encodeSigner(s.Signer)), at("trust", encodeTrust(s.Trust)),
		str("signed_at", s.SignedAt), str("expires_at", s.ExpiresAt),
		at("annotations", stringMapValue(s.Annotations)),
		at("checks", array(s.Checks, encodeCheck)),
		at("errors", array(s.Errors, encodeError)),
	}
}

func encodeSigner(s report.Signer) ast.Value {
	return ast.NewObject(
		str("kind", s.Kind), str("subject", s.Subject), str("issuer", s.Issuer), str("identity", s.Identity),
		str("oidc_issuer", s.OIDCIssuer), str("fingerprint", s.Fingerprint), str("key", s.Key),
		at("claims", stringMapValue(s.Claims)),
	)
}

func encodeTrust(t report.Trust) ast.Value {
	return ast.NewObject(
		str("policy", t.Policy), str("level", t.Level), str("store", t.Store), str("identity", t.Identity), str("key", t.Key),
	)
}

func encodeCheck(c report.Check) ast.Value {
	return ast.NewObject(str("name", c.Name), str("outcome", c.Outcome), str("action", c.Action), str("message", c.Message))
}

func encodeError(e report.Error) ast.Value {
	return ast.NewObject(
		str("code", string(e.Code)), str("message", e.Message), str("stage", string(e.Stage)), boolean("retryable", e.Retryable),
	)
}
