// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
)

func TestParseReadsClouds(t *testing.T) {
	t.Parallel()
	raw := `
credentials:
  - {name: azureWorkloadIdentity, clientID: c, tenantID: t, endpoints: ["*.AzureCR.io", a.azurecr.us]}
  - {name: azureManagedIdentity, match: b.azurecr.io}
  - {provider: azure_acr, method: identity_binding, token_file: /t, authority: "https://login.example"}
  - {name: alibabacloudAcrBasic, defaultInstanceId: cri-d, acrInstancesConfig: [{instanceName: prod, instanceId: cri-a}]}
  - {provider: alibabacloud_acr, instances: [{dev: cri-b}, {prod@cn-beijing: cri-c}], identity: assume_role, hosts: [{host: r.example, region: cn-hangzhou, instance: cri-e}], personal: true, vpc: true}
  - {name: awsEcrBasic, sts_region: eu-central-1, public: true}
  - {provider: gcp_artifact_registry}
key_providers:
  - {name: a, type: azurekeyvault, vaultURI: "https://a.vault.azure.net", clientID: c, certificates: [{name: x, version: v}], keys: [{name: y, versions: [a, b]}, {name: y, version: c}]}
  - {name: b, type: azurekeyvault, vaultURL: "https://b.vault.azure.net", method: managed_identity, keys: [{name: y}]}
  - {name: c, type: alibabacloudkms, region: cn-hangzhou, role_arn: r, session_duration: 30m, keys: [{id: key-1, name: release, version: v}], secrets: [{id: s}], certificates: [{id: k}]}
  - {name: d, type: awskms, region: eu-central-1, method: pod_identity, keys: [{name: release, id: alias/release}]}
  - {name: e, type: gcpkms, keys: [{id: projects/p/locations/l/keyRings/r/cryptoKeys/k}]}
`
	c, err := config.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	wantCredentials := []config.Credential{
		{Provider: config.CredentialAzure, Azure: config.AzureCredentials{Endpoints: []string{"*.azurecr.io", "a.azurecr.us"}, Identity: config.AzureIdentity{ClientID: "c", TenantID: "t"}}},
		{Match: "b.azurecr.io", Provider: config.CredentialAzure, Azure: config.AzureCredentials{Identity: config.AzureIdentity{Method: "managed_identity"}}},
		{Provider: config.CredentialAzure, Azure: config.AzureCredentials{Identity: config.AzureIdentity{Method: "identity_binding", TokenFile: "/t", Authority: "https://login.example"}}},
		{Provider: config.CredentialAlibaba, Alibaba: config.AlibabaCredentials{Instances: config.AlibabaInstances{{Name: "prod", ID: "cri-a"}}, DefaultInstance: "cri-d"}},
		{Provider: config.CredentialAlibaba, Alibaba: config.AlibabaCredentials{
			Instances: config.AlibabaInstances{{Name: "dev", ID: "cri-b"}, {Name: "prod@cn-beijing", ID: "cri-c"}}, Identity: config.AlibabaIdentity{Kind: "assume_role"},
			Hosts: []config.AlibabaHost{{Host: "r.example", Region: "cn-hangzhou", Instance: "cri-e"}}, Personal: true, VPC: true,
		}},
		{Provider: config.CredentialAWS, AWS: config.AWSCredentials{Public: true, Identity: config.AWSIdentity{STSRegion: "eu-central-1"}}},
		{Provider: config.CredentialGoogle},
	}
	if diff := cmp.Diff(wantCredentials, c.Credentials); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const hour, day = time.Hour, 24 * time.Hour
	wantKeys := []config.KeyProvider{
		{Name: "a", Type: config.KeysAzure, RefreshInterval: hour, MaxStale: day, Azure: config.AzureKeys{
			VaultURI: "https://a.vault.azure.net", Identity: config.AzureIdentity{ClientID: "c"}, Certificates: []config.AzureObject{{Name: "x", Version: "v"}},
			Keys: []config.AzureObject{{Name: "y", Versions: []string{"a", "b"}}, {Name: "y", Version: "c"}},
		}},
		{Name: "b", Type: config.KeysAzure, RefreshInterval: hour, MaxStale: day, Azure: config.AzureKeys{
			VaultURI: "https://b.vault.azure.net", Identity: config.AzureIdentity{Method: "managed_identity"}, Keys: []config.AzureObject{{Name: "y"}},
		}},
		{Name: "c", Type: config.KeysAlibaba, RefreshInterval: hour, MaxStale: day, Alibaba: config.AlibabaKeys{
			Region: "cn-hangzhou", Identity: config.AlibabaIdentity{RoleARN: "r", Duration: 30 * time.Minute},
			Keys: []config.AlibabaItem{{ID: "key-1", Name: "release", Version: "v"}}, Secrets: []config.AlibabaItem{{ID: "s"}}, Certificates: []config.AlibabaItem{{ID: "k"}},
		}},
		{Name: "d", Type: config.KeysAWS, RefreshInterval: hour, MaxStale: day, AWS: config.AWSKeys{
			Region: "eu-central-1", Identity: config.AWSIdentity{Method: "pod_identity"}, Keys: []config.CloudKey{{Name: "release", ID: "alias/release"}},
		}},
		{Name: "e", Type: config.KeysGoogle, RefreshInterval: hour, MaxStale: day, Google: config.GoogleKeys{Keys: []config.CloudKey{{ID: "projects/p/locations/l/keyRings/r/cryptoKeys/k"}}}},
	}
	if diff := cmp.Diff(wantKeys, c.KeyProviders); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCloudsNameEveryProblem(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][]string{
		`credentials: [{provider: azure_acr, match: a.azurecr.io, endpoints: [a.azurecr.io]}]`:                     {"endpoints is set beside match"},
		`credentials: [{provider: azure_acr, endpoints: ["https://a.azurecr.io"]}]`:                                {"endpoints[0] \"https://a.azurecr.io\" has a scheme"},
		`credentials: [{provider: azure_acr, client_id: a, clientID: b}]`:                                          {"clientID appears twice, as client_id or clientID; remove one"},
		`credentials: [{provider: azure_acr, client_secret: hunter2}]`:                                             {"client_secret looks like a credential"},
		`credentials: [{provider: alibabacloud_acr, acrInstancesConfig: [{prod: x}, {"": cri-a}]}]`:                {"acrInstancesConfig", `"x" is not the id of an instance`, "has no name"},
		`credentials: [{provider: alibabacloud_acr, acrInstancesConfig: [{prod: cri-a, prod: cri-b}]}]`:            {"acrInstancesConfig cannot be read: a key is there twice"},
		`credentials: [{provider: alibabacloud_acr, hosts: [{host: r.example}]}]`:                                  {"hosts[0] needs host, region and instance"},
		`credentials: [{provider: gcp_artifact_registry, project: x}]`:                                             {"project is not a setting"},
		`key_providers: [{name: a, type: azurekeyvault}]`:                                                          {"vault_uri is missing", "keys is missing"},
		`key_providers: [{name: a, type: azurekeyvault, vault_uri: x, keys: [{name: k, version: a, version: b}]}]`: {"keys[0].version appears twice; one would be lost; write both as versions: [..]"},
		`key_providers: [{name: a, type: azurekeyvault, vault_uri: x, keys: [{version: a, versions: [b]}]}]`:       {"keys[0].name is missing", "keys[0].version is set beside versions"},
		`key_providers: [{name: a, type: alibabacloudkms, ca_file: /none}]`:                                        {"region is missing", "keys is missing", `ca_file "/none"`},
		`key_providers: [{name: a, type: alibabacloudkms, region: r, keys: [{id: k}, {}], secrets: [{id: k}]}]`:    {"keys[1].id is missing", `secrets[0].name "k" is also that of an earlier entry`},
		`key_providers: [{name: a, type: awskms}, {name: b, type: gcpkms, keys: [{name: a}]}]`:                     {"key_providers[0].region is missing", "key_providers[0].keys is missing", "key_providers[1].keys[0].id is missing"},
	} {
		_, err := config.Parse([]byte(raw))
		if err == nil {
			t.Errorf("%s: accepted", raw)
			continue
		}
		for _, says := range want {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v\nsays nothing of %q", raw, err, says)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error repeats the secret: %v", raw, err)
		}
	}
}
