// SPDX-License-Identifier: Apache-2.0

package standing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/translate"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func key(kind, name string) standing.Key {
	namespace, bare, found := strings.Cut(name, "/")
	if !found {
		return standing.Key{Kind: kind, Name: name}
	}
	return standing.Key{Kind: kind, Namespace: namespace, Name: bare}
}

// cluster is a state and what is put into it.
type cluster struct {
	t     *testing.T
	state standing.State
	ca    string
	added bool

	configurable func(*config.Config) error
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	ca, err := signtest.NewCA(signtest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{t: t, ca: string(ca.PEM()), configurable: func(c *config.Config) error { return service.Check(c, service.Deps{}) }}
}

// put puts a resource whose spec is YAML of one line; PEM stands for a
// certificate.
func (c *cluster) put(kind, name, spec string) {
	k := key(kind, name)
	metadata := fmt.Sprintf("{name: %q, namespace: %q}", k.Name, k.Namespace)
	raw := fmt.Sprintf("{apiVersion: config.ratify.deislabs.io/v1beta1, kind: %s, metadata: %s, spec: %s}",
		kind, metadata, strings.ReplaceAll(spec, "PEM}", fmt.Sprintf("%q}", c.ca)))
	c.state.Put(k, []byte(raw))
}

func (c *cluster) decide() *standing.Outcome {
	c.t.Helper()
	outcome, err := c.state.Decide(standing.Options{
		Translate: translate.Options{Added: c.added, Certificates: translate.CertificateFiles, Configurable: c.configurable},
		Parse: func(raw []byte) error {
			_, err := trust.Parse(raw, trust.Options{Now: time.Now})
			return err
		},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return outcome
}

const (
	inline   = `{type: inline, parameters: {contentType: certificate, value: PEM}}`
	notation = `{name: notation, artifactTypes: application/vnd.cncf.notary.signature, parameters: {verificationCertStores: {certs: [%s]}, ` +
		`trustPolicyDoc: {version: "1.0", trustPolicies: [{name: default, registryScopes: ["%s"], signatureVerification: {level: strict}, ` +
		`trustStores: ["ca:certs"], trustedIdentities: ["*"]}]}}}`
	vault = `{type: azurekeyvault, refreshInterval: 1s, parameters: {vaultURI: "https://acme.vault.azure.net/", tenantID: t, clientID: c, ` +
		`certificates: [{name: ca, version: v1}]}}`
)

func verifier(provider, scope string) string { return fmt.Sprintf(notation, provider, scope) }

// wantError demands that a resource is good (""), or wrong in these words.
func wantError(t *testing.T, o *standing.Outcome, k standing.Key, want string) {
	t.Helper()
	v, found := o.Verdicts[k]
	if !found || want == "" && v.Error != "" || !strings.Contains(v.Error, want) {
		t.Errorf("%s: %+v, want %q", k.Title(), v, want)
	}
}

func (c *cluster) good() {
	c.put("KeyManagementProvider", "acme", inline)
	c.put("Verifier", "notation", verifier("acme", "*"))
	c.put("Policy", "ratify-policy", `{type: config-policy, parameters: {artifactVerificationPolicies: {default: all}}}`)
}

func TestNothingAdmitsNothing(t *testing.T) {
	t.Parallel()
	got := newCluster(t).decide()
	want := map[string]any{"policies": []any{}, "documents": map[string]any{}, "namespaces": map[string]any{}, "conditions": map[string]any{}}
	if diff := cmp.Diff(want, got.Trust); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is wrong changes nothing while an earlier version is good.
func TestBadUpdatesKeepTheLastGoodVersion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, kind, resource, spec, want string }{
		{"unknown type", "Verifier", "notation", `{name: nothing, artifactTypes: application/vnd.cncf.notary.signature}`, "PLUGIN_NOT_FOUND: plugin not found"},
		{"no trust policy", "Verifier", "notation", `{name: notation, artifactTypes: application/vnd.cncf.notary.signature}`, "no trustPolicyDoc"},
		{"unknown field", "Verifier", "notation", strings.Replace(verifier("acme", "*"), "parameters:", "parametr: 1, parameters:", 1), `did you mean "parameters"?`},
		{"provider that is not there", "Verifier", "notation", verifier("other", "*"), `"other" is not there`},
		{"document the engine refuses", "Verifier", "notation", verifier("acme", "*.*.*"), "is not valid"},
		{"variable", "Verifier", "notation", verifier("acme", "${SCOPE}"), "${SCOPE} is a variable"},
		{"certificate", "KeyManagementProvider", "acme", `{type: inline, parameters: {contentType: certificate, value: "-----BEGIN CERTIFICATE-----\nXXXXXX\n-----END CERTIFICATE-----\n"}}`, "PEM block is damaged"},
		{"a key in place of a certificate", "KeyManagementProvider", "acme", `{type: inline, parameters: {contentType: certificate, value: "-----BEGIN PRIVATE KEY-----"}}`, "private key"},
		{"key vault", "KeyManagementProvider", "acme", strings.Replace(vault, "https:", "ftp:", 1), "ftp://acme.vault.azure.net/"},
		{"policy", "Policy", "ratify-policy", `{type: rego-policy, parameters: {policy: "package ratify.policy"}}`, "cannot be translated"},
		{"too large", "Policy", "ratify-policy", `"` + strings.Repeat("x", 1<<20) + `"`, "larger than the 524288 bytes"},
		{"too deep", "Policy", "ratify-policy", strings.Repeat("[", 200) + strings.Repeat("]", 200), "nested"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.good()
			want := c.decide().Trust
			c.put(tt.kind, tt.resource, tt.spec)
			got := c.decide()
			wantError(t, got, key(tt.kind, tt.resource), tt.want)
			if diff := cmp.Diff(want, got.Trust); diff != "" {
				t.Errorf("the bad update counts (-want +got):\n%s", diff)
			}
			for k := range got.Verdicts {
				if k != key(tt.kind, tt.resource) {
					wantError(t, got, k, "")
				}
			}
			c.good()
			wantError(t, c.decide(), key(tt.kind, tt.resource), "")
		})
	}
}

// Without an earlier version what is wrong denies what it would judge, and leaves
// the rest alone: a restart does not widen what is admitted.
func TestBadFromTheStart(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.good()
	c.put("Verifier", "sbom", `{name: sbom, artifactTypes: application/spdx+json}`)
	got := c.decide()
	wantError(t, got, key("Verifier", "sbom"), "PLUGIN_NOT_FOUND: plugin not found")
	wantError(t, got, key("Verifier", "notation"), "")
	condition := got.Trust["conditions"].(map[string]any)["notation"].(map[string]any)
	if diff := cmp.Diff([]any{"application/spdx+json"}, condition["unjudged"]); diff != "" {
		t.Errorf("unjudged (-want +got):\n%s", diff)
	}

	c.put("Verifier", "more", `{name: notation, artifactTypes: "a/b"}`)
	c.put("Policy", "ratify-policy", `{type: rego-policy}`)
	fresh := newCluster(t)
	fresh.good()
	fresh.put("Policy", "ratify-policy", `{type: rego-policy}`)
	condition = fresh.decide().Trust["conditions"].(map[string]any)["notation"].(map[string]any)
	if condition["refused"] == nil {
		t.Errorf("a policy that was never good is replaced by the default: %v", condition)
	}
}

// A provider that was never good takes its verifier along.
func TestBadProvider(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.put("Verifier", "notation", verifier("acme", "*"))
	c.put("KeyManagementProvider", "acme", `{type: inline, parameters: {contentType: certificate, value: x}}`)
	got := c.decide()
	wantError(t, got, key("KeyManagementProvider", "acme"), "no certificate in PEM")
	wantError(t, got, key("Verifier", "notation"), "acme")
	if diff := cmp.Diff([]any{}, got.Trust["policies"]); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
}

func TestDeletionCounts(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.good()
	c.decide()
	c.state.Delete(key("Verifier", "notation"))
	got := c.decide()
	if diff := cmp.Diff([]any{}, got.Trust["policies"]); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	c.good()
	c.decide()
	c.state.Delete(key("KeyManagementProvider", "acme"))
	got = c.decide()
	wantError(t, got, key("Verifier", "notation"), `"acme" is not there`)
	if diff := cmp.Diff([]any{}, got.Trust["policies"]); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
}

func TestNamespacesAddOrReplace(t *testing.T) {
	t.Parallel()
	for added, section := range map[bool]string{true: "namespaces", false: "tenants"} {
		c := newCluster(t)
		c.added = added
		c.good()
		c.put("NamespacedKeyManagementProvider", "team/acme", inline)
		c.put("NamespacedVerifier", "team/notation", verifier("team/acme", "registry.example/team"))
		c.put("NamespacedStore", "team/oras", `{name: oras, parameters: {useHttp: true}}`)
		got := c.decide()
		wantError(t, got, key("NamespacedVerifier", "team/notation"), "")
		wantError(t, got, key("NamespacedStore", "team/oras"), "write a Store")
		if team, _ := got.Trust[section].(map[string]any)["team"].(map[string]any); len(team) == 0 {
			t.Errorf("added %v: nothing of the namespace in %s: %v", added, section, got.Trust[section])
		}
		if strings.Contains(string(got.Section), "plain_http") {
			t.Errorf("the store of a namespace changes the process:\n%s", got.Section)
		}
	}
}

// What a namespace adds and nobody can judge is denied there.
func TestNamespaceWithNothingToJudge(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.added = true
	c.good()
	c.put("NamespacedVerifier", "team/sbom", `{name: sbom, artifactTypes: application/spdx+json}`)
	got := c.decide().Trust["conditions"].(map[string]any)["namespace team"]
	if got == nil || got.(map[string]any)["refused"] == nil {
		t.Errorf("nothing is refused: %v", got)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.configurable = nil // this is no pod of Azure's
	c.put("KeyManagementProvider", "akv", vault)
	c.put("Store", "store-oras", `{name: oras, parameters: {authProvider: {name: azureWorkloadIdentity, clientID: c}, cosignEnabled: true, cacheEnabled: true, ttl: 10}}`)
	got := c.decide()
	wantError(t, got, key("KeyManagementProvider", "akv"), "")
	wantError(t, got, key("Store", "store-oras"), "")
	if p := got.Verdicts[key("KeyManagementProvider", "akv")].Provider; p != "KeyManagementProvider/akv" {
		t.Errorf("provider %q", p)
	}
	for _, want := range []string{"name: KeyManagementProvider/akv", "refresh_interval: 10s", "vault_uri: https://acme.vault.azure.net/", "provider: azure_acr", "tag_ttl: 10s"} {
		if !strings.Contains(string(got.Section), want) {
			t.Errorf("no %q in\n%s", want, got.Section)
		}
	}
}

// What a store says of credentials is asked for as the migration writes it.
func TestCredentialsOfStores(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, provider, err, section string }{
		{"managed identity", "{name: azureManagedIdentity, clientID: c}", "", "method: managed_identity"},
		{"pull secrets", "{name: k8Secrets, secrets: [{secretName: pull}]}", "", "service_account: default"},
		{"instances", "{name: alibabacloudAcrBasic, acrInstancesConfig: [{name1: cri-a}]}", "", "instanceName: name1"},
		{"unknown", "{name: acmeAuth, token: hunter2}", `PLUGIN_NOT_FOUND: plugin not found: the credential provider "acmeAuth"`, "{}"},
		{"variable", "{name: azureWorkloadIdentity, clientID: $CLIENT_ID}", "$CLIENT_ID is a variable", "{}"},
		{"no host", `{name: azureWorkloadIdentity, endpoints: ["https://a.azurecr.io"]}`, "has a scheme", "{}"},
		{"unknown setting", "{name: awsEcrBasic, accessKey: hunter2}", "accessKey: is not known here", "{}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.configurable = nil // this is no pod of a cloud's
			c.put("Store", "store-oras", "{name: oras, parameters: {cosignEnabled: true, authProvider: "+tt.provider+"}}")
			got := c.decide()
			wantError(t, got, key("Store", "store-oras"), tt.err)
			if section := string(got.Section); !strings.Contains(section, tt.section) || strings.Contains(section, "hunter2") {
				t.Errorf("want %q in\n%s", tt.section, section)
			}
		})
	}
}

// A store does what it can.
func TestStoreInPart(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.put("Store", "store-oras", `{name: oras, parameters: {useHttp: true, ttl: 10}}`)
	c.put("Store", "store-dynamic", `{name: dynamicstore, version: 1.0.0, source: {artifact: registry.example/dynamic:v1}}`)
	got := c.decide()
	wantError(t, got, key("Store", "store-oras"), "")
	if v := got.Verdicts[key("Store", "store-oras")]; !strings.Contains(v.Told, "HTTP for every registry is refused") {
		t.Errorf("%+v", v)
	}
	wantError(t, got, key("Store", "store-dynamic"), "PLUGIN_NOT_FOUND: plugin not found")
}

// One namespace does not take the room of all.
func TestBounds(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.good()
	for i := range 260 {
		c.put("NamespacedStore", fmt.Sprintf("team/s%d", i), `{name: oras}`)
	}
	got := c.decide()
	wantError(t, got, key("NamespacedStore", "team/s259"), "there are 250 resources already")
	wantError(t, got, key("Verifier", "notation"), "")
}
