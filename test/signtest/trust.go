// SPDX-License-Identifier: Apache-2.0

package signtest

import "encoding/json"

// TrustDocument is a trust document as a policy writes it: for every repository,
// level strict, signers below ca that are among identities. No identities: "*".
func (ca *CA) TrustDocument(identities ...string) map[string]any {
	if len(identities) == 0 {
		identities = []string{"*"}
	}
	return map[string]any{"notation": map[string]any{
		"trust_policy": map[string]any{
			"version": "1.0",
			"trustPolicies": []any{map[string]any{
				"name":                  "release",
				"registryScopes":        []string{"*"},
				"signatureVerification": map[string]any{"level": "strict"},
				"trustStores":           []string{"ca:acme"},
				"trustedIdentities":     identities,
			}},
		},
		"trust_stores": map[string]any{"ca:acme": []string{string(ca.PEM())}},
	}}
}

// TrustJSON is [CA.TrustDocument] as JSON.
func (ca *CA) TrustJSON(identities ...string) []byte {
	raw, err := json.Marshal(ca.TrustDocument(identities...))
	if err != nil {
		panic(err) // maps, lists and strings always marshal
	}
	return raw
}
