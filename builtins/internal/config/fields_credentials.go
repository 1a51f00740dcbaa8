// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// CredentialProvider is a way to get registry credentials.
type CredentialProvider string

// The credential providers.
const (
	CredentialAnonymous         CredentialProvider = "anonymous"
	CredentialStatic            CredentialProvider = "static"
	CredentialDockerConfig      CredentialProvider = "docker_config"      //nolint:gosec // a name
	CredentialKubernetesSecrets CredentialProvider = "kubernetes_secrets" //nolint:gosec // a name
	CredentialAzure             CredentialProvider = "azure_acr"
	CredentialAlibaba           CredentialProvider = "alibabacloud_acr"
	CredentialAWS               CredentialProvider = "aws_ecr"
	CredentialGoogle            CredentialProvider = "gcp_artifact_registry" //nolint:gosec // a name
)

// Credential is one entry of the list of credential providers. What else it says
// depends on the provider; Ratify's names are accepted too.
type Credential struct {
	// Match is a host[:port], "*.host" for one more label, or "*". Empty: every registry that the provider owns.
	Match string `yaml:"match"`
	// Provider is alibabacloud_acr, anonymous, aws_ecr, azure_acr, docker_config, gcp_artifact_registry, kubernetes_secrets or static. Required.
	Provider CredentialProvider `yaml:"provider" alias:"name" chooses:"yes"`

	// Static holds the settings of static.
	Static StaticCredential `when:"static"`
	// DockerConfig holds the settings of docker_config.
	DockerConfig DockerCredentials `when:"docker_config"`
	// KubernetesSecrets holds the settings of kubernetes_secrets.
	KubernetesSecrets KubernetesCredentials `when:"kubernetes_secrets"`
	// Azure holds the settings of azure_acr.
	Azure AzureCredentials `when:"azure_acr"`
	// Alibaba holds the settings of alibabacloud_acr.
	Alibaba AlibabaCredentials `when:"alibabacloud_acr"`
	// AWS holds the settings of aws_ecr.
	AWS AWSCredentials `when:"aws_ecr"`
}

// StaticCredential names where one credential is. A file is read again when it
// changes.
type StaticCredential struct {
	// Username is sent with the password. Required with a password.
	Username string `yaml:"username"`
	// PasswordFile holds the password, or a personal access token. Required, or one of the others.
	PasswordFile string `yaml:"password_file"`
	// PasswordEnv names the environment variable with the password; its name has PASSWORD, TOKEN or SECRET in it, for such are hidden from policies.
	PasswordEnv string `yaml:"password_env"`
	// IdentityTokenFile holds an identity (refresh) token in place of a password.
	IdentityTokenFile string `yaml:"identity_token_file"`
}

// DockerCredentials is another configuration file of Docker.
type DockerCredentials struct {
	// Path is a config.json, or the file of a kubernetes.io/dockerconfigjson Secret. Required.
	Path string `yaml:"path" alias:"configPath"`
	// Helpers allows to run the credential helper programs that the file names. False: such an entry is an error.
	Helpers bool `yaml:"helpers"`
}

// KubernetesCredentials names image pull Secrets.
type KubernetesCredentials struct {
	// Namespace of Secrets that name none. Empty: that of this process.
	Namespace string `yaml:"namespace"`
	// ServiceAccount whose imagePullSecrets are used. Empty: this process's own.
	ServiceAccount string `yaml:"service_account" alias:"serviceAccountName"`
	// Secrets are used too, and come first. Empty: none.
	Secrets []SecretName `yaml:"secrets"`
	// RefreshInterval is the time after which Secrets are read again. 0s: 1m.
	RefreshInterval time.Duration `yaml:"refresh_interval"`
}

// SecretName names a Secret.
type SecretName struct {
	// Name of the Secret. Required.
	Name string `yaml:"name" alias:"secretName"`
	// Namespace of the Secret. Empty: that of the provider.
	Namespace string `yaml:"namespace"`
}
