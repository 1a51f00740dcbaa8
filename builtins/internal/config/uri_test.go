// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
)

func TestKeyAsCosignWritesIt(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]config.KeyProvider{
		`uri: "azurekms://acme.vault.azure.net/release", client_id: c`:                     {Type: config.KeysAzure, Azure: config.AzureKeys{VaultURI: "https://acme.vault.azure.net", Keys: []config.AzureObject{{Name: "release"}}, Identity: config.AzureIdentity{ClientID: "c"}}},
		`uri: "azurekms://acme.vault.azure.net/release/0a4c2b1d"`:                          {Type: config.KeysAzure, Azure: config.AzureKeys{VaultURI: "https://acme.vault.azure.net", Keys: []config.AzureObject{{Name: "release", Version: "0a4c2b1d"}}}},
		`uri: "awskms:///alias/release", region: eu-central-1`:                             {Type: config.KeysAWS, AWS: config.AWSKeys{Region: "eu-central-1", Keys: []config.CloudKey{{ID: "alias/release"}}}},
		`uri: "awskms:///arn:aws:kms:eu-west-1:123456789012:alias/release"`:                {Type: config.KeysAWS, AWS: config.AWSKeys{Region: "eu-west-1", Keys: []config.CloudKey{{ID: "arn:aws:kms:eu-west-1:123456789012:alias/release"}}}},
		`uri: "awskms:///1234abcd-12ab-34cd-56ef-1234567890ab", region: eu-west-1`:         {Type: config.KeysAWS, AWS: config.AWSKeys{Region: "eu-west-1", Keys: []config.CloudKey{{ID: "1234abcd-12ab-34cd-56ef-1234567890ab"}}}},
		`uri: "gcpkms://projects/acme/locations/global/keyRings/r/cryptoKeys/k"`:           {Type: config.KeysGoogle, Google: config.GoogleKeys{Keys: []config.CloudKey{{ID: "projects/acme/locations/global/keyRings/r/cryptoKeys/k"}}}},
		`uri: "hashivault://release", address: "https://v.example", auth: {token_file: t}`: {Type: config.KeysVault, Vault: config.VaultKeys{Address: "https://v.example", Keys: []string{"release"}, Auth: config.VaultAuth{TokenFile: "t"}}},
		`uri: "alibabacloudkms://cn-hangzhou/key-hzz65f/v-1", vpc: true`:                   {Type: config.KeysAlibaba, Alibaba: config.AlibabaKeys{Region: "cn-hangzhou", VPC: true, Keys: []config.AlibabaItem{{ID: "key-hzz65f", Version: "v-1"}}}},
		`uri: "alibabacloudkms://cn-hangzhou/alias/release"`:                               {Type: config.KeysAlibaba, Alibaba: config.AlibabaKeys{Region: "cn-hangzhou", Keys: []config.AlibabaItem{{ID: "alias/release"}}}},
	} {
		c, err := config.Parse([]byte("key_providers: [{name: k, " + raw + "}]"))
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		want.Name, want.RefreshInterval, want.MaxStale, want.URI = "k", time.Hour, 24*time.Hour, strings.Split(raw, `"`)[1]
		if diff := cmp.Diff([]config.KeyProvider{want}, c.KeyProviders); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
}

func TestKeyURIsAreStrict(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`uri: "k8s://ns/secret"`:                                                                     `"k8s://ns/secret": not known`,
		`uri: "azurekms://acme.vault.azure.net"`:                                                     "write azurekms://VAULT/KEY[/VERSION]",
		`uri: "azurekms://acme.vault.azure.net@evil.example/k"`:                                      "write azurekms://VAULT/KEY[/VERSION]",
		`uri: "azurekms://acme.vault.azure.net:8443/k"`:                                              "write azurekms://VAULT/KEY[/VERSION]",
		`uri: "azurekms://acme.vault.azure.net/k/v/w"`:                                               "write azurekms://VAULT/KEY[/VERSION]",
		`uri: "azurekms://acme.vault.azure.net/k?x=y"`:                                               "write azurekms://VAULT/KEY[/VERSION]",
		`uri: "azurekms://acme.vault.azure.net/k", vault_uri: "https://other.vault.azure.net"`:       "is set beside keys, or beside what it says itself",
		`uri: "azurekms://acme.vault.azure.net/k", certificates: [{name: c}]`:                        "is set beside keys",
		`uri: "awskms://localhost:4566/alias/release", region: eu-central-1`:                         "write awskms:///KEY",
		`uri: "awskms:///alias/release"`:                                                             "region is missing",
		`uri: "awskms:///arn:aws:kms:eu-west-1:123456789012:alias/release", region: eu-central-1`:    "is set beside",
		`uri: "gcpkms://projects/acme/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"`: "the version is the trust document's to name",
		`uri: "gcpkms://projects/acme/locations/global/keyRings/r/cryptoKeys/../k"`:                  "write gcpkms://projects/P",
		`uri: "hashivault://a/b", address: "https://v.example", auth: {token_file: t}`:               "write hashivault://KEY",
		`uri: "hashivault://a", address: "https://v.example", auth: {token_file: t}, keys: [b]`:      "is set beside keys",
		`uri: "alibabacloudkms://cn-hangzhou/"`:                                                      "write alibabacloudkms://REGION/KEY[/VERSION]",
		`uri: "alibabacloudkms://kms.evil.example/key-1"`:                                            "write alibabacloudkms://REGION/KEY[/VERSION]",
		`uri: "awskms:///alias/a", type: awskms, region: eu-central-1`:                               "type",
	} {
		if _, err := config.Parse([]byte("key_providers: [{name: k, " + raw + "}]")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
}
