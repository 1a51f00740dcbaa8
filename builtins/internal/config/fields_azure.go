// SPDX-License-Identifier: Apache-2.0

package config

// AzureIdentity says as whom Azure is asked.
type AzureIdentity struct {
	// Method is workload_identity, identity_binding or managed_identity, which is the node's. Empty: workload_identity, or identity_binding if the pod is prepared for it.
	Method string `yaml:"method"`
	// TenantID of the identity. Empty: $AZURE_TENANT_ID.
	TenantID string `yaml:"tenant_id" alias:"tenantID"`
	// ClientID of the identity. Empty: $AZURE_CLIENT_ID.
	ClientID string `yaml:"client_id" alias:"clientID"`
	// TokenFile holds the pod's service account token. Empty: $AZURE_FEDERATED_TOKEN_FILE.
	TokenFile string `yaml:"token_file"`
	// Authority is the URL that tokens are asked of. Empty: $AZURE_AUTHORITY_HOST, else that of the cloud.
	Authority string `yaml:"authority"`
}

// AzureCredentials are those of Azure Container Registry.
type AzureCredentials struct {
	// Endpoints are host or "*.host", each as match would be. Empty: match.
	Endpoints []string `yaml:"endpoints"`
	// Identity that may pull.
	Identity AzureIdentity `inline:"yes"`
}

// AzureKeys are certificates and keys in Azure Key Vault.
type AzureKeys struct {
	// VaultURI is the URL of the vault, "https://NAME.vault.azure.net". Required.
	VaultURI string `yaml:"vault_uri" alias:"vaultURI,vaultURL"`
	// Certificates with their chains. Required, or keys.
	Certificates []AzureObject `yaml:"certificates"`
	// Keys are public keys.
	Keys []AzureObject `yaml:"keys"`
	// Identity that may read them.
	Identity AzureIdentity `inline:"yes"`
}

// AzureObject is a certificate or a key. Entries of one name add up.
type AzureObject struct {
	// Name in the vault, which trust documents write. Required.
	Name string `yaml:"name"`
	// Version of it, or the identifier of one, "https://VAULT/keys/NAME/VERSION". Empty: the current one.
	Version string `yaml:"version"`
	// Versions are several, or "all" alone. Empty: version.
	Versions []string `yaml:"versions"`
}
