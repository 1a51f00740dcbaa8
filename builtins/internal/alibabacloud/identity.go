// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// The kinds of identity, as configuration names them.
const (
	RRSA       = "rrsa"         // the role of a Kubernetes service account
	AccessKey  = "access_key"   // an access key, with or without a security token
	AssumeRole = "assume_role"  // a role that an access key may assume
	ECSRole    = "ecs_ram_role" // the role of the node: every pod on it has it
)

// Identity says as whom calls are made. What is empty is taken from the
// environment variables that Alibaba Cloud's own tools read.
type Identity struct {
	// Kind is one of the constants. Empty: [RRSA] if its three variables are set,
	// otherwise [AccessKey] if its two are, otherwise an error: never the node.
	Kind string
	// RoleARN is the role of RRSA and of AssumeRole. Empty: ALIBABA_CLOUD_ROLE_ARN.
	RoleARN string
	// OIDCProviderARN of RRSA. Empty: ALIBABA_CLOUD_OIDC_PROVIDER_ARN.
	OIDCProviderARN string
	// TokenFile holds the service account's token, and is read for each session.
	// Empty: ALIBABA_CLOUD_OIDC_TOKEN_FILE.
	TokenFile string
	// SessionName shows in the service's audit log. Empty:
	// ALIBABA_CLOUD_ROLE_SESSION_NAME, else "opa-ratify".
	SessionName string
	// ExternalID that the role to assume demands. Empty: none.
	ExternalID string
	// Policy narrows what a role's session may do, JSON. Empty: all the role may.
	Policy string
	// Duration of a role's session, at least 15 minutes. Zero: one hour.
	Duration time.Duration
	// STSEndpoint is a host name. Empty: ALIBABA_CLOUD_STS_ENDPOINT, else that of
	// ALIBABA_CLOUD_STS_REGION, else sts.aliyuncs.com.
	STSEndpoint string
	// ECSRole is the role's name. Empty: ALIBABA_CLOUD_ECS_METADATA, else the
	// metadata service is asked.
	ECSRole string
	// Env looks up environment variables. Nil: there are none.
	Env func(string) string
}

// The variables that more than one place reads.
const (
	envKeyID     = "ALIBABA_CLOUD_ACCESS_KEY_ID"
	envKeySecret = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
	envToken     = "ALIBABA_CLOUD_SECURITY_TOKEN" //nolint:gosec // the name of a variable
	envRole      = "ALIBABA_CLOUD_ROLE_ARN"
	envProvider  = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"
	envTokenFile = "ALIBABA_CLOUD_OIDC_TOKEN_FILE"
)

// Sessions returns what gives the identity's sessions. The error says what is
// missing. Nothing is asked yet.
func (c *Client) Sessions(id Identity) (*Sessions, error) {
	id = id.withEnvironment()
	switch kind := id.kind(); kind {
	case RRSA:
		if err := missing(kind, map[string]string{envRole: id.RoleARN, envProvider: id.OIDCProviderARN, envTokenFile: id.TokenFile}); err != nil {
			return nil, fmt.Errorf("%w (misspelt? is the namespace labelled pod-identity.alibabacloud.com/injection=on?)", err)
		}
		return c.sessions(kind, func(ctx context.Context) (Session, error) { return c.assumeRoleWithOIDC(ctx, id) }), nil
	case AccessKey, AssumeRole:
		if err := missing(kind, map[string]string{envKeyID: id.Env(envKeyID), envKeySecret: id.Env(envKeySecret)}); err != nil {
			return nil, err
		}
		if kind == AssumeRole {
			if err := missing(kind, map[string]string{envRole: id.RoleARN}); err != nil {
				return nil, err
			}
			return c.sessions(kind, func(ctx context.Context) (Session, error) { return c.assumeRole(ctx, id, id.accessKey()) }), nil
		}
		return c.sessions(kind, func(context.Context) (Session, error) { return id.accessKey(), nil }), nil
	case ECSRole:
		if strings.EqualFold(id.Env("ALIBABA_CLOUD_ECS_METADATA_DISABLED"), "true") {
			return nil, fmt.Errorf("identity %s: ALIBABA_CLOUD_ECS_METADATA_DISABLED is true", kind)
		}
		return c.sessions(kind, func(ctx context.Context) (Session, error) { return c.roleOfNode(ctx, id) }), nil
	case "":
		return nil, fmt.Errorf("no identity: neither %s, %s and %s nor %s and %s are set; the role of the node (%s) is used only if it is configured",
			envRole, envProvider, envTokenFile, envKeyID, envKeySecret, ECSRole)
	default:
		return nil, fmt.Errorf("identity %q: write %s, %s, %s or %s", kind, RRSA, AccessKey, AssumeRole, ECSRole)
	}
}

func (id Identity) withEnvironment() Identity {
	if id.Env == nil {
		id.Env = func(string) string { return "" }
	}
	id.RoleARN = cmp.Or(id.RoleARN, id.Env(envRole))
	id.OIDCProviderARN = cmp.Or(id.OIDCProviderARN, id.Env(envProvider))
	id.TokenFile = cmp.Or(id.TokenFile, id.Env(envTokenFile))
	id.SessionName = cmp.Or(id.SessionName, id.Env("ALIBABA_CLOUD_ROLE_SESSION_NAME"), "opa-ratify")
	id.ECSRole = cmp.Or(id.ECSRole, id.Env("ALIBABA_CLOUD_ECS_METADATA"))
	id.Duration = max(cmp.Or(id.Duration, time.Hour), 15*time.Minute)
	if id.STSEndpoint == "" {
		id.STSEndpoint = stsEndpoint(id.Env)
	}
	return id
}

// stsEndpoint is where the variables say that the Security Token Service is.
func stsEndpoint(env func(string) string) string {
	region := env("ALIBABA_CLOUD_STS_REGION")
	switch {
	case env("ALIBABA_CLOUD_STS_ENDPOINT") != "":
		return env("ALIBABA_CLOUD_STS_ENDPOINT")
	case region == "":
		return "sts.aliyuncs.com"
	case strings.EqualFold(env("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"), "true"):
		return "sts-vpc." + region + ".aliyuncs.com"
	}
	return "sts." + region + ".aliyuncs.com"
}

func (id Identity) kind() string {
	switch {
	case id.Kind != "":
		return id.Kind
	case id.RoleARN != "" && id.OIDCProviderARN != "" && id.TokenFile != "":
		return RRSA
	case id.Env(envKeyID) != "" && id.Env(envKeySecret) != "":
		return AccessKey
	}
	return ""
}

func (id Identity) accessKey() Session {
	return Session{AccessKeyID: id.Env(envKeyID), AccessKeySecret: id.Env(envKeySecret), SecurityToken: id.Env(envToken)}
}

func missing(kind string, values map[string]string) error {
	for _, name := range []string{envRole, envProvider, envTokenFile, envKeyID, envKeySecret} {
		if value, wanted := values[name]; wanted && value == "" {
			return fmt.Errorf("identity %s: %s is not set", kind, name)
		}
	}
	return nil
}
