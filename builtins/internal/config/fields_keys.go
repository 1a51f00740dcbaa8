// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// KeyProviderType is a kind of key service.
type KeyProviderType string

// The types of key providers.
const (
	KeysInline     KeyProviderType = "inline"
	KeysFile       KeyProviderType = "file"
	KeysURL        KeyProviderType = "url"
	KeysKubernetes KeyProviderType = "kubernetes"
	KeysVault      KeyProviderType = "hashivault"
	KeysAzure      KeyProviderType = "azurekeyvault"
	KeysAlibaba    KeyProviderType = "alibabacloudkms"
	KeysAWS        KeyProviderType = "awskms"
	KeysGoogle     KeyProviderType = "gcpkms"
)

// KeyProvider is one key service. What else it says depends on its type.
type KeyProvider struct {
	// Name is what trust documents write, {"provider": name}. Required, unique.
	Name string `yaml:"name"`
	// Type is alibabacloudkms, awskms, azurekeyvault, file, gcpkms, hashivault, inline, kubernetes or url. Required, or uri in its place: one key as cosign writes it, "awskms:///alias/release".
	Type KeyProviderType `yaml:"type" alias:"uri" chooses:"yes"`
	// RefreshInterval is the time between two fetches, 10s or more; a tenth less at random. 0s: 1h.
	RefreshInterval time.Duration `yaml:"refresh_interval" alias:"refreshInterval"`
	// MaxStale is how long the last good keys stay in force while the service cannot be asked. A key that it says is disabled or gone counts as gone at once. 0s: 24h.
	MaxStale time.Duration `yaml:"max_stale" alias:"maxStale"`

	// Inline holds the settings of inline.
	Inline InlineKeys `when:"inline"`
	// File holds the settings of file.
	File FileKeys `when:"file"`
	// URL holds the settings of url.
	URL URLKeys `when:"url"`
	// Kubernetes holds the settings of kubernetes.
	Kubernetes KubernetesKeys `when:"kubernetes"`
	// Vault holds the settings of hashivault.
	Vault VaultKeys `when:"hashivault"`
	// Azure holds the settings of azurekeyvault.
	Azure AzureKeys `when:"azurekeyvault"`
	// Alibaba holds the settings of alibabacloudkms.
	Alibaba AlibabaKeys `when:"alibabacloudkms"`
	// AWS holds the settings of awskms.
	AWS AWSKeys `when:"awskms"`
	// Google holds the settings of gcpkms.
	Google GoogleKeys `when:"gcpkms"`

	// URI is what Type was written as, "" for a name.
	URI string `yaml:"-"`
}

// The defaults of a key provider.
const (
	defaultKeyRefresh  = time.Hour
	defaultKeyMaxStale = 24 * time.Hour
)

// InlineKeys are keys in the configuration itself.
type InlineKeys struct {
	// Keys lists them. Required.
	Keys []InlineKey `yaml:"keys"`
}

// InlineKey is one key.
type InlineKey struct {
	// Name is what trust documents write. Required, unique.
	Name string `yaml:"name"`
	// Value is PEM: certificates or a public key. Required.
	Value string `yaml:"value"`
}

// FileKeys are keys in files.
type FileKeys struct {
	// Path is a file, or a directory with a file for each key; the key's name is the file's ("cosign.pub"). It is looked at every second. Required.
	Path string `yaml:"path"`
}

// URLKeys are keys on web servers.
type URLKeys struct {
	// Keys lists them. Required.
	Keys []URLKey `yaml:"keys"`
	// CAFile is a PEM file of CAs trusted beside the system's. Empty: none.
	CAFile string `yaml:"ca_file"`

	// CertificateAuthorities is the content of CAFile, checked PEM; nil without.
	CertificateAuthorities []byte `yaml:"-"`
}

// URLKey is one key.
type URLKey struct {
	// Name is what trust documents write. Required, unique.
	Name string `yaml:"name"`
	// URL is https. Required.
	URL string `yaml:"url"`
	// SHA256 is the digest of the content, 64 hex digits: whoever runs the server cannot change what is trusted. Required.
	SHA256 string `yaml:"sha256"`
}

// KubernetesKeys are keys in Secrets and ConfigMaps.
type KubernetesKeys struct {
	// Namespace of objects that name none. Empty: that of this process.
	Namespace string `yaml:"namespace"`
	// Keys lists them. Required.
	Keys []KubernetesKey `yaml:"keys"`
}

// KubernetesKey is one key.
type KubernetesKey struct {
	// Name is what trust documents write. Required, unique.
	Name string `yaml:"name"`
	// Secret that holds it. Required, or ConfigMap.
	Secret string `yaml:"secret"`
	// ConfigMap that holds it.
	ConfigMap string `yaml:"config_map"`
	// Namespace of the object. Empty: that of the provider.
	Namespace string `yaml:"namespace"`
	// Key in its data. Required.
	Key string `yaml:"key"`
}

// VaultKeys are public keys of the transit engine of HashiCorp Vault or OpenBao.
type VaultKeys struct {
	// Address is the URL of the server; http only to a loopback address. Required.
	Address string `yaml:"address"`
	// Namespace of Vault Enterprise or OpenBao. Empty: none.
	Namespace string `yaml:"namespace"`
	// Mount of the transit engine. Empty: transit.
	Mount string `yaml:"mount"`
	// Keys are the names of the transit keys. Required.
	Keys []string `yaml:"keys"`
	// Auth says how to log in.
	Auth VaultAuth `yaml:"auth"`
	// CAFile is a PEM file of CAs trusted beside the system's. Empty: none.
	CAFile string `yaml:"ca_file"`

	// CertificateAuthorities is the content of CAFile, checked PEM; nil without.
	CertificateAuthorities []byte `yaml:"-"`
}

// VaultAuth says how to log in to Vault: exactly one of token_file, token_env,
// kubernetes_role and role_id_file.
type VaultAuth struct {
	// TokenFile holds a token; it is read again at each use.
	TokenFile string `yaml:"token_file"`
	// TokenEnv names the environment variable with a token; its name has PASSWORD, TOKEN or SECRET in it.
	TokenEnv string `yaml:"token_env"`
	// KubernetesRole logs in with the service account's token.
	KubernetesRole string `yaml:"kubernetes_role"`
	// KubernetesTokenFile is that token. Empty: /var/run/secrets/kubernetes.io/serviceaccount/token.
	KubernetesTokenFile string `yaml:"kubernetes_token_file"`
	// RoleIDFile holds the role id of an AppRole.
	RoleIDFile string `yaml:"role_id_file"`
	// SecretIDFile holds its secret id. Required with role_id_file.
	SecretIDFile string `yaml:"secret_id_file"`
	// Mount of the auth method. Empty: kubernetes or approle.
	Mount string `yaml:"mount"`
}
