// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// AlibabaIdentity says as whom Alibaba Cloud is asked. It can be compared: equal
// ones share their sessions.
type AlibabaIdentity struct {
	// Kind is rrsa, access_key, assume_role or ecs_ram_role, which is the node's. Empty: rrsa or access_key, whichever the environment is prepared for.
	Kind string `yaml:"identity"`
	// RoleARN is the role of rrsa and assume_role. Empty: $ALIBABA_CLOUD_ROLE_ARN.
	RoleARN string `yaml:"role_arn"`
	// OIDCProviderARN of rrsa. Empty: $ALIBABA_CLOUD_OIDC_PROVIDER_ARN.
	OIDCProviderARN string `yaml:"oidc_provider_arn"`
	// TokenFile holds the pod's service account token. Empty: $ALIBABA_CLOUD_OIDC_TOKEN_FILE.
	TokenFile string `yaml:"token_file"`
	// SessionName shows in the service's audit log. Empty: $ALIBABA_CLOUD_ROLE_SESSION_NAME, else opa-ratify.
	SessionName string `yaml:"session_name"`
	// ExternalID that the role of assume_role demands. Empty: none.
	ExternalID string `yaml:"external_id"`
	// Policy narrows what a session may do, JSON. Empty: all that the role may.
	Policy string `yaml:"policy"`
	// Duration of a session, 15m or more. 0s: 1h.
	Duration time.Duration `yaml:"session_duration"`
	// STSEndpoint is a host name. Empty: $ALIBABA_CLOUD_STS_ENDPOINT, else that of $ALIBABA_CLOUD_STS_REGION, else sts.aliyuncs.com.
	STSEndpoint string `yaml:"sts_endpoint"`
	// ECSRole is the name of the node's role. Empty: the metadata service is asked.
	ECSRole string `yaml:"ecs_role"`
}

// AlibabaCredentials are those of Alibaba Cloud Container Registry.
type AlibabaCredentials struct {
	// Instances of the Enterprise Edition; also written as {name: cri-…}. Empty, and without default_instance: they are asked for by name.
	Instances AlibabaInstances `yaml:"instances" alias:"acrInstancesConfig"`
	// DefaultInstance is for hosts that instances does not name. Empty: $ALIBABA_CLOUD_ACR_INSTANCE_ID.
	DefaultInstance string `yaml:"default_instance" alias:"defaultInstanceId"`
	// Regions in which default_instance may be used. Empty: all.
	Regions []string `yaml:"regions"`
	// Hosts are custom domains that lead to an instance. Empty: none.
	Hosts []AlibabaHost `yaml:"hosts"`
	// Personal takes registries of the Personal Edition too. False: they are none of this provider's.
	Personal bool `yaml:"personal"`
	// VPC asks at the addresses in VPCs. False: only for registries that are named by theirs.
	VPC bool `yaml:"vpc"`
	// Endpoint is the host that is asked for tokens. Empty: that of the region.
	Endpoint string `yaml:"endpoint"`
	// Identity that may pull.
	Identity AlibabaIdentity `inline:"yes"`
}

// AlibabaInstances is written in the shapes that are in use.
type AlibabaInstances []AlibabaInstance

// AlibabaInstance says which instance a registry is.
type AlibabaInstance struct {
	// Name is the instance's, "name@region", or a host. Required.
	Name string `yaml:"instanceName"`
	// ID is "cri-…". Required.
	ID string `yaml:"instanceId"`
}

// AlibabaHost is a custom domain.
type AlibabaHost struct {
	// Host exactly, without wildcards. Required.
	Host string `yaml:"host"`
	// Region of the instance. Required.
	Region string `yaml:"region"`
	// Instance is its ID, "cri-…". Required.
	Instance string `yaml:"instance"`
}

// AlibabaKeys are keys, secrets and certificates in Alibaba Cloud KMS.
type AlibabaKeys struct {
	// Region of the service, "cn-hangzhou". Required.
	Region string `yaml:"region"`
	// Endpoint is a host name, as of a dedicated instance. Empty: that of the region.
	Endpoint string `yaml:"endpoint"`
	// CAFile is a PEM file of CAs trusted beside the system's. Empty: none.
	CAFile string `yaml:"ca_file"`
	// VPC asks at the address in VPCs. False: at the public one.
	VPC bool `yaml:"vpc"`
	// Keys are public keys, by version. Required, or secrets, or certificates.
	Keys []AlibabaItem `yaml:"keys"`
	// Secrets hold PEM.
	Secrets []AlibabaItem `yaml:"secrets"`
	// Certificates with their chains.
	Certificates []AlibabaItem `yaml:"certificates"`
	// Identity that may read them.
	Identity AlibabaIdentity `inline:"yes"`

	// CertificateAuthorities is the content of CAFile, checked PEM; nil without.
	CertificateAuthorities []byte `yaml:"-"`
}

// AlibabaItem is one of them.
type AlibabaItem struct {
	// ID of a key ("key-…", "alias/…") or certificate, or the name of a secret. Required.
	ID string `yaml:"id"`
	// Name that trust documents write. Empty: id.
	Name string `yaml:"name"`
	// Version of it. Empty: versions.
	Version string `yaml:"version"`
	// Versions are several. Empty: all of a key, the current one of a secret.
	Versions []string `yaml:"versions"`
}
