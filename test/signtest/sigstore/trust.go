// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"encoding/json"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
)

// TrustDocument is a trust document as a policy writes it: signatures by this key, with
// or without a log entry.
func (s *Signer) TrustDocument() map[string]any {
	return map[string]any{"cosign": map[string]any{
		"keys":             []any{s.PEM()},
		"transparency_log": "ignored",
	}}
}

// TrustJSON is [Signer.TrustDocument] as JSON.
func (s *Signer) TrustJSON() []byte { return encode(s.TrustDocument()) }

// Identity is the signer's certificate as an identity of a trust document, by exact
// values; nil for a bare key.
func (s *Signer) Identity() map[string]any {
	if len(s.Chain) == 0 {
		return nil
	}
	summary, err := certificate.SummarizeCertificate(s.Chain[0])
	if err != nil {
		panic(err) // the certificates made here have exactly one name
	}
	return map[string]any{"issuer": summary.Issuer, "subject": summary.SubjectAlternativeName}
}

// TrustDocument is a trust document as a policy writes it: signatures by identities
// that this instance certified, logged and timestamped.
func (i *Instance) TrustDocument(identities ...map[string]any) map[string]any {
	return map[string]any{"cosign": map[string]any{
		"identities":   identities,
		"trusted_root": i.TrustedRoot(TrustedRootOptions{}),
	}}
}

// TrustJSON is [Instance.TrustDocument] as JSON.
func (i *Instance) TrustJSON(identities ...map[string]any) []byte {
	return encode(i.TrustDocument(identities...))
}

func encode(document map[string]any) []byte {
	raw, err := json.Marshal(document)
	if err != nil {
		panic(err) // maps, lists and strings always marshal
	}
	return raw
}
