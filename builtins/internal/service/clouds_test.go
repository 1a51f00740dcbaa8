// SPDX-License-Identifier: Apache-2.0

package service_test

import (
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

// An identity that cannot be had is an error of the configuration, at once: the
// message names what is missing.
func TestCloudsWithoutIdentity(t *testing.T) { //nolint:paralleltest // the environment belongs to the process
	for _, variable := range []string{
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_KUBERNETES_TOKEN_PROXY",
		"ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_TOKEN_FILE", "ALIBABA_CLOUD_ACCESS_KEY_ID",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ACCESS_KEY_ID", "GCE_METADATA_HOST",
	} {
		t.Setenv(variable, "")
	}
	for raw, want := range map[string]string{
		`credentials: [{provider: azure_acr}]`:                                                                         "credential provider azure_acr: tenant_id: neither it nor $AZURE_TENANT_ID is set",
		`credentials: [{provider: alibabacloud_acr}]`:                                                                  "credential provider alibabacloud_acr: no identity",
		`credentials: [{provider: alibabacloud_acr, identity: ecs_ram_role, default_instance: x}]`:                     `default instance: "x" is not the id of an instance`,
		`credentials: [{provider: aws_ecr}]`:                                                                           "credential provider aws_ecr: neither $AWS_WEB_IDENTITY_TOKEN_FILE",
		`credentials: [{provider: aws_ecr, method: node}]`:                                                             `method "node": write web_identity`,
		`key_providers: [{name: k, type: azurekeyvault, vault_uri: "https://a.example", keys: [{name: a}]}]`:           `key provider "k": vault_uri "https://a.example" is no host of Azure Key Vault`,
		`key_providers: [{name: k, type: azurekeyvault, vault_uri: "https://abc.vault.azure.net", keys: [{name: a}]}]`: `key provider "k": tenant_id: neither`,
		`key_providers: [{name: k, type: azurekeyvault, vault_uri: "https://abc.vault.azure.net", method: managed_identity, keys: [{name: a}, {name: a, version: b}]}]`: `"latest" stand alone`,
		`key_providers: [{name: k, type: alibabacloudkms, region: cn-hangzhou, keys: [{id: a}]}]`:                                                                       `key provider "k": no identity`,
		`key_providers: [{name: k, type: awskms, region: x, keys: [{id: alias/a}]}]`:                                                                                    `key provider "k": region "x"`,
		`key_providers: [{name: k, type: gcpkms, keys: [{id: a}]}]`:                                                                                                     `key provider "k": keys[0]: "a" is not the name of a key`,
	} {
		c, err := config.Parse([]byte(raw))
		fatal(t, err)
		s, err := service.New(c, service.Deps{})
		if err == nil {
			t.Errorf("%s: accepted", raw)
			fatal(t, s.Close())
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", raw, err, want)
		}
	}
}

// The identity of a node or of the metadata server needs no environment, and nobody
// is asked before there is a question.
func TestCloudsOfTheMachine(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(`
credentials:
  - {name: azureManagedIdentity, endpoints: [abcde.azurecr.io, "*.azurecr.us"]}
  - {provider: alibabacloud_acr, identity: ecs_ram_role}
  - {provider: gcp_artifact_registry}
key_providers:
  - {name: a, type: alibabacloudkms, identity: ecs_ram_role, region: cn-hangzhou, keys: [{id: key-1}]}
  - {name: b, type: gcpkms, keys: [{id: projects/acme/locations/global/keyRings/r/cryptoKeys/k}]}
`))
	fatal(t, err)
	s, err := service.New(c, service.Deps{})
	fatal(t, err)
	fatal(t, s.Close())
}
