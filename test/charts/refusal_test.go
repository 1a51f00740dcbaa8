// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/charts"
)

// Certificate and key that nobody reads further than their first line.
const (
	certificate = "-----BEGIN CERTIFICATE-----\\nx\\n-----END CERTIFICATE-----\\n"
	privateKey  = "-----BEGIN PRIVATE KEY-----\\nx\\n-----END PRIVATE KEY-----\\n"
)

// What cannot be meant is refused before anything is installed, with what to do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, values, want string }{
		{"unknown trust store", `{notation: {trustPolicies: [{trustStores: ["ca:unknownCert"]}]}}`, "Unknown trust store reference: unknownCert in ca:unknownCert of notation.trustPolicies: write notationCerts[0] or AzureKeyVault"},
		{"unknown certificate type", `{notation: {trustPolicies: [{trustStores: ["cert:notationCerts[0]"]}]}}`, "Unknown certificate type: cert in cert:notationCerts[0] of notation.trustPolicies: write ca, tsa or signingAuthority"},
		{"missing certificate", `{notation: {trustPolicies: [{trustStores: ["ca:notationCerts[1]"]}]}, notationCerts: ["` + certificate + `"]}`, "notation.trustPolicies names ca:notationCerts[1], but notationCerts has 1 entries: give the certificate, --set-file notationCerts[1]=ca.crt"},
		{"no vault", `{notation: {trustPolicies: [{trustStores: ["ca:azurekeyvault"]}]}}`, "there is no certificate in a vault: set azurekeyvault.enabled"},
		{"several policies, no store", `{notation: {trustPolicies: [{name: a}, {name: b}]}}`, "notation.trustPolicies[0].trustStores is empty: with several policies each names its own"},
		{"misspelt level", `{notation: {trustPolicies: [{verificatonLevel: audit}]}}`, "notation.trustPolicies[0].verificatonLevel is a misspelling that Ratify's chart did not read: write level: audit"},
		{"a path for a certificate", `{notationCerts: [/tmp/ca.crt]}`, "notationCerts[0] has no certificate in PEM: give the content of the file, --set-file notationCerts[0]=ca.crt"},
		{"a private key", `{notationCerts: ["` + certificate + privateKey + `"]}`, "notationCerts[0] holds a private key"},
		{"both names of certificates", `{notationCert: "` + certificate + `", notationCerts: ["` + certificate + `"]}`, "notationCert and notationCerts are both given"},
		{"a private key for Cosign", `{cosignKeys: ["` + privateKey + `"]}`, "cosignKeys[0] has no public key in PEM"},
		{"an issuer alone", `{cosign: {keyless: {certificateOIDCIssuer: "https://accounts.example"}}}`, "cosign.keyless is not complete"},
		{"an identity twice", `{cosign: {keyless: {certificateOIDCIssuer: i, certificateIdentity: a, certificateIdentityRegExp: b}}}`, "cosign.keyless has a value and a pattern for the same"},
		{"a log of one's own", `{cosign: {rekorURL: "https://rekor.example"}}`, "cosign.rekorURL https://rekor.example has no counterpart"},
		{"a scope that goes on", `{cosign: {scopes: ["ghcr.io*"]}, cosignKeys: ["-----BEGIN PUBLIC KEY-----\n"]}`, `cosign.scopes "ghcr.io*" would match names that only begin so`},
		{"a reserved document", `{policy: {source: values, documents: {notation: {}}}, notationCerts: ["` + certificate + `"]}`, "policy.documents.notation is what the values about notation become"},
		{"Ratify's Rego", `{policy: {useRego: true}}`, "policy.useRego is Ratify's own policy language"},
		{"certificates beside a bundle", `{policy: {source: bundle}, notationCerts: ["` + certificate + `"]}`, "notationCerts counts only with policy.source=resources or values"},
		{"data beside a ConfigMap", `{policy: {source: configMap, policies: [{name: a}]}}`, "policy.policies counts only with policy.source=values"},
		{"data beside resources", `{policy: {policies: [{name: a}]}}`, "policy.policies counts only with policy.source=values: set that"},
		{"keys and identities", `{cosignKeys: ["-----BEGIN PUBLIC KEY-----\n"], cosign: {keyless: {certificateOIDCIssuer: i, certificateIdentity: a}}}`, "cosign.keyless and keys for Cosign are both given: a trust policy of Ratify has one of them"},
		{"a wildcard of hosts", `{cosign: {scopes: ["*.example"]}, cosignKeys: ["-----BEGIN PUBLIC KEY-----\n"]}`, `cosign.scopes "*.example" is no scope of Ratify's trust policies`},
		{"Ratify's SBOM verifier", `{sbom: {enabled: true, disallowedLicenses: [MPL]}}`, "sbom.enabled is no value here: set policy.source=values and policy.sbom={trust: notation, "},
		{"Ratify's vulnerability verifier", `{vulnerabilityreport: {enabled: true, maximumAge: 24h}}`, "vulnerabilityreport.enabled is no value here: set policy.source=values and policy.vulnerability={trust: notation, "},
		{"the vault's first name", `{akvCertConfig: {enabled: true, cert1Name: a}}`, "akvCertConfig is Ratify's first name of azurekeyvault"},
		{"no ConfigMap", `{policy: {source: configMap}}`, "policy.configMap.name is empty"},
		{"an archive among files", `{policy: {source: configMap, configMap: {name: x, files: [a.tar.gz, b.rego]}}}`, "policy.configMap.files has a.tar.gz beside others"},
		{"no server of bundles", `{policy: {source: bundle}}`, "policy.bundle.url is empty"},
		{"no bundle", `{policy: {source: bundle, bundle: {url: "https://bundles.example"}}}`, "policy.bundle.resource is empty"},
		{"HTTP for all", `{oras: {useHttp: true}}`, "oras.useHttp without a registry: credentials would go to whoever listens"},
		{"AWS override", `{oras: {authProviders: {awsApiOverride: {enabled: true}}}}`, "oras.authProviders.awsApiOverride has no counterpart"},
		{"a vault without a URL", `{azurekeyvault: {enabled: true}}`, "azurekeyvault.vaultURI is empty"},
		{"a vault without objects", `{azurekeyvault: {enabled: true, vaultURI: "https://a.vault.azure.net"}}`, "azurekeyvault has neither certificates nor keys"},
		{"Dapr", `{provider: {cache: {type: dapr}}}`, "provider.cache.type=dapr has no counterpart"},
		{"high availability", `{featureFlags: {RATIFY_EXPERIMENTAL_HIGH_AVAILABILITY: true}}`, "featureFlags.RATIFY_EXPERIMENTAL_HIGH_AVAILABILITY has no counterpart: replicas share nothing, set replicaCount"},
		{"dynamic plugins", `{featureFlags: {RATIFY_EXPERIMENTAL_DYNAMIC_PLUGINS: true}}`, "nothing is downloaded and executed"},
		{"an old Gatekeeper", `{gatekeeper: {version: 3.10.0}}`, "gatekeeper.version 3.10.0 has no externaldata.gatekeeper.sh/v1beta1"},
		{"two certificates", `{featureFlags: {RATIFY_CERT_ROTATION: true}, provider: {tls: {crt: a, key: b}}}`, "the certificate has two origins, provider.tls.crt and key and featureFlags.RATIFY_CERT_ROTATION"},
		{"a Secret and cert-manager", `{provider: {tls: {existingSecret: a, certManager: {enabled: true}}}}`, "the certificate has two origins, provider.tls.existingSecret and provider.tls.certManager.enabled"},
		{"a certificate without a key", `{provider: {tls: {crt: a}}}`, "You must provide a TLS certificate for Ratify to use or enable RATIFY_CERT_ROTATION: provider.tls.key is missing"},
		{"a certificate without a CA", `{provider: {tls: {crt: a, key: b}}}`, "provider.tls.crt and key have no CA"},
		{"a CA that is none", `{provider: {tls: {crt: a, key: b, cabundle: eHh4}}}`, "provider.tls.cabundle is no certificate in PEM and then base64"},
		{"a Secret that is not there", `{provider: {tls: {existingSecret: mine}}}`, "the CA of Secret gatekeeper-system/mine is not known"},
		{"an issuer without its CA", `{provider: {tls: {certManager: {enabled: true, issuerRef: {name: acme}}}}}`, "provider.tls.certManager.issuerRef has no CA"},
		{"Gatekeeper elsewhere", `{gatekeeper: {namespace: kube-system}}`, "there is no Secret kube-system/gatekeeper-webhook-server-cert with ca.crt"},
		{"a limit that is none", `{resources: {limits: {memory: 512MB}}}`, `resources.limits.memory "512MB" is not an amount of memory: write 512Mi`},
		{"fewer at most than at least", `{replicaCount: 5, autoscaling: {enabled: true, maxReplicas: 3}}`, "autoscaling.maxReplicas 3 is below replicaCount 5"},
		{"no issuer", `{gatekeeper: {constraints: {kinds: [NotationIssuerValidation]}}}`, "gatekeeper.constraints.issuer is empty"},
		{"a monitor without a port", `{serviceMonitor: {enabled: true}, instrumentation: {metricsEnabled: false}}`, "serviceMonitor.enabled needs the port of the metrics"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			refused(t, tt.values, tt.want)
		})
	}
}

// The schema names the value that is wrong.
func TestWrongValues(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, values, want string }{
		{"a misspelling", `{notationCert5: []}`, "additional properties 'notationCert5' not allowed"},
		{"a capital", `{ServiceAccount: {create: false}}`, "additional properties 'ServiceAccount' not allowed"},
		{"the second generation", `{executor: {scopes: [ghcr.io]}}`, "additional properties 'executor' not allowed"},
		{"and its certificates", `{notation: {certs: []}}`, "at '/notation': additional properties 'certs' not allowed"},
		{"deep", `{oras: {authProviders: {k8sSecretsEnabled: true}}}`, "at '/oras/authProviders': additional properties 'k8sSecretsEnabled' not allowed"},
		{"in a list", `{notation: {trustPolicies: [{levels: strict}]}}`, "at '/notation/trustPolicies/0': additional properties 'levels' not allowed"},
		{"a word", `{replicaCount: many}`, "at '/replicaCount': got string, want integer"},
		{"a text", `{notationCerts: "x"}`, "at '/notationCerts': got string, want array"},
		{"no such choice", `{policy: {source: git}}`, "at '/policy/source': value must be one of 'resources', 'values', 'configMap', 'bundle'"},
		{"no such level", `{notation: {trustPolicies: [{level: lax}]}}`, "at '/notation/trustPolicies/0/level': value must be one of 'strict', 'permissive', 'audit', 'skip'"},
		{"below the least", `{provider: {timeout: {validationTimeoutSeconds: 0}}}`, "at '/provider/timeout/validationTimeoutSeconds': minimum: got 0, want 1"},
		{"a digest that is none", `{image: {digest: latest}}`, "at '/image/digest': 'latest' does not match pattern"},
		{"nameless vault object", `{azurekeyvault: {certificates: [{version: a}]}}`, "at '/azurekeyvault/certificates/0': missing property 'name'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			refused(t, tt.values, tt.want)
		})
	}
}

func refused(t *testing.T, values, want string) {
	t.Helper()
	_, _, err := charts.Render(charts.Release{Cluster: newCluster()}, parse(t, values))
	if err == nil {
		t.Fatal("got no error")
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
