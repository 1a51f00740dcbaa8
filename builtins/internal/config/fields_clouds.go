// SPDX-License-Identifier: Apache-2.0

package config

// AWSIdentity says as whom AWS is asked; the node's role is not used.
type AWSIdentity struct {
	// Method is web_identity, pod_identity or access_key. Empty: whichever the environment is prepared for.
	Method string `yaml:"method"`
	// RoleARN is the role of web_identity. Empty: $AWS_ROLE_ARN.
	RoleARN string `yaml:"role_arn"`
	// TokenFile holds the pod's service account token. Empty: $AWS_WEB_IDENTITY_TOKEN_FILE.
	TokenFile string `yaml:"token_file"`
	// STSRegion is where web_identity is exchanged. Empty: $AWS_REGION, else $AWS_DEFAULT_REGION, else that of the role's partition.
	STSRegion string `yaml:"sts_region"`
}

// AWSCredentials are those of Amazon ECR.
type AWSCredentials struct {
	// Public takes public.ecr.aws too, as match: public.ecr.aws does. False: it is asked anonymously.
	Public bool `yaml:"public"`
	// Identity that may pull.
	Identity AWSIdentity `inline:"yes"`
}

// AWSKeys are public keys in AWS KMS.
type AWSKeys struct {
	// Region of the keys, "eu-central-1". Required.
	Region string `yaml:"region"`
	// Keys lists them; an id is a key's ID or ARN, "alias/NAME" or its ARN. Required.
	Keys []CloudKey `yaml:"keys"`
	// Identity that may read them.
	Identity AWSIdentity `inline:"yes"`
}

// GoogleKeys are public keys in Google Cloud KMS, read as the pod's service account.
type GoogleKeys struct {
	// Keys lists them; an id is "projects/P/locations/L/keyRings/R/cryptoKeys/K". Required.
	Keys []CloudKey `yaml:"keys"`
}

// CloudKey is one key.
type CloudKey struct {
	// Name that trust documents write. Empty: the id, for gcpkms its last part.
	Name string `yaml:"name"`
	// ID of the key. Required.
	ID string `yaml:"id"`
}
