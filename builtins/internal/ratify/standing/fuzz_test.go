// SPDX-License-Identifier: Apache-2.0

package standing_test

import (
	"encoding/json"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
)

// FuzzDecide: whatever somebody writes into a namespace, deciding ends, the
// cluster's own policies are what they were, and the configuration can be read.
func FuzzDecide(f *testing.F) {
	for _, spec := range []string{
		inline, vault, verifier("acme", "*"), verifier("team/acme", "registry.example/team"),
		`{name: sbom, artifactTypes: "*"}`, `{type: config-policy, parameters: {artifactVerificationPolicies: {default: none}}}`,
		`{name: oras, parameters: {useHttp: true, authProvider: {name: k8Secrets, secrets: [{secretName: pull}]}}}`,
		`{name: cosign, artifactTypes: "*", parameters: {trustPolicies: [{name: a, scopes: ["*"], keyless: {certificateIdentity: a, certificateOIDCIssuer: b}}]}}`,
	} {
		for _, kind := range []string{"NamespacedVerifier", "NamespacedPolicy", "NamespacedKeyManagementProvider", "NamespacedStore", "CertificateStore"} {
			f.Add(kind, spec)
		}
	}
	f.Fuzz(func(t *testing.T, kind, spec string) {
		switch kind {
		case "NamespacedVerifier", "NamespacedPolicy", "NamespacedKeyManagementProvider", "NamespacedStore", "CertificateStore":
		default:
			return // not watched in a namespace
		}
		c := newCluster(t)
		c.added = true
		c.good()
		want := text(t, c.decide().Trust["policies"])
		c.put("NamespacedVerifier", "team/good", verifier("acme", "*"))
		c.put(kind, "team/fuzzed", spec)
		got := c.decide()
		if now := text(t, got.Trust["policies"]); now != want {
			t.Errorf("the cluster's policies were %s and are %s", want, now)
		}
		if _, err := config.Parse(got.Section); err != nil {
			t.Errorf("configuration: %v\n%s", err, got.Section)
		}
		for _, k := range []standing.Key{key("KeyManagementProvider", "acme"), key("Verifier", "notation"), key("Policy", "ratify-policy")} {
			wantError(t, got, k, "")
		}
	})
}

func text(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
