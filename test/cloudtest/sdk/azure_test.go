// SPDX-License-Identifier: Apache-2.0

package sdk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/azuretest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/hosts"
)

const vaultHost = "contoso.vault.azure.net"

// workload returns a tenant, a vault in it, and what reaches both.
func workload(t *testing.T) (*azuretest.Azure, *azuretest.Vault, policy.ClientOptions) {
	t.Helper()
	azure := azuretest.New(time.Now)
	vault := azure.NewVault(vaultHost)
	world := hosts.New(t, map[string]http.Handler{"login.microsoftonline.com": azure.Authority(), vaultHost: vault})
	return azure, vault, policy.ClientOptions{Transport: &http.Client{Transport: world.Transport()}, Retry: policy.RetryOptions{MaxRetries: -1}}
}

func credential(t *testing.T, azure *azuretest.Azure, o policy.ClientOptions, expires time.Time) azcore.TokenCredential {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(azure.Assertion(azure.Subject, azuretest.AssertionAudience, expires)), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: o, ClientID: azure.ClientID, TenantID: azure.Tenant, TokenFilePath: file, DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAzidentityGetsATokenOfTheAuthority(t *testing.T) {
	t.Parallel()
	azure, _, o := workload(t)
	token, err := credential(t, azure, o, time.Now().Add(time.Hour)).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://containerregistry.azure.net/.default"}})
	if err != nil || token.Token == "" || time.Until(token.ExpiresOn) < 50*time.Minute {
		t.Errorf("%v, expires %v", err, token.ExpiresOn)
	}
	_, err = credential(t, azure, o, time.Now().Add(-time.Hour)).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://containerregistry.azure.net/.default"}})
	if failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); !ok || failed.RawResponse.StatusCode != http.StatusUnauthorized {
		t.Errorf("expired assertion: %v", err)
	}
}

func TestAzidentityGetsATokenOfTheMachine(t *testing.T) {
	t.Parallel()
	azure := azuretest.New(time.Now)
	world := hosts.New(t, map[string]http.Handler{"169.254.169.254": azure.Machine()})
	c, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
		ClientOptions: policy.ClientOptions{Transport: &http.Client{Transport: world.Transport()}}, ID: azidentity.ClientID(azure.ClientID),
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://vault.azure.net/.default"}})
	if err != nil || token.Token == "" {
		t.Error(err)
	}
}

func TestAzkeysReadsTheVault(t *testing.T) {
	t.Parallel()
	azure, vault, o := workload(t)
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"v1", "v2", "v3"} {
		vault.PutKey("release", azuretest.Version{Version: version, Key: &k.PublicKey, Created: time.Now()})
	}
	vault.Disable("keys/release", "v2")
	client, err := azkeys.NewClient("https://"+vaultHost, credential(t, azure, o, time.Now().Add(time.Hour)), &azkeys.ClientOptions{ClientOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.GetKey(t.Context(), "release", "", nil)
	if err != nil || got.Key.KID.Version() != "v3" || *got.Key.Kty != azkeys.KeyTypeEC || !*got.Attributes.Enabled {
		t.Errorf("%+v, %v", got, err)
	}
	var enabled []bool
	for pager := client.NewListKeyPropertiesVersionsPager("release", nil); pager.More(); {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Value {
			enabled = append(enabled, *v.Attributes.Enabled)
		}
	}
	if len(enabled) != 3 || enabled[1] {
		t.Errorf("enabled: %v", enabled)
	}
	_, err = client.GetKey(t.Context(), "none", "", nil)
	if failed, ok := errors.AsType[*azcore.ResponseError](err); !ok || failed.StatusCode != http.StatusNotFound || failed.ErrorCode != "KeyNotFound" {
		t.Errorf("unknown key: %v", err)
	}
}

func TestAzkeysSignsInTheVault(t *testing.T) {
	t.Parallel()
	azure, vault, o := workload(t)
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	vault.PutKey("release", azuretest.Version{Version: "v1", Private: k, Created: time.Now()})
	client, err := azkeys.NewClient("https://"+vaultHost, credential(t, azure, o, time.Now().Add(time.Hour)), &azkeys.ClientOptions{ClientOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("payload"))
	sign := func(algorithm azkeys.SignatureAlgorithm) ([]byte, error) {
		got, err := client.Sign(t.Context(), "release", "v1", azkeys.SignParameters{Algorithm: &algorithm, Value: digest[:]}, nil)
		return got.Result, err
	}
	got, err := sign(azkeys.SignatureAlgorithmES256)
	if err != nil || len(got) != 64 || !ecdsa.Verify(&k.PublicKey, digest[:], new(big.Int).SetBytes(got[:32]), new(big.Int).SetBytes(got[32:])) {
		t.Errorf("%x, %v", got, err)
	}
	_, err = sign(azkeys.SignatureAlgorithmRS256)
	if failed, ok := errors.AsType[*azcore.ResponseError](err); !ok || failed.StatusCode != http.StatusBadRequest {
		t.Errorf("RS256 by an EC key: %v", err)
	}
	vault.Disable("keys/release", "v1")
	_, err = sign(azkeys.SignatureAlgorithmES256)
	if failed, ok := errors.AsType[*azcore.ResponseError](err); !ok || failed.StatusCode != http.StatusForbidden {
		t.Errorf("disabled: %v", err)
	}
}
