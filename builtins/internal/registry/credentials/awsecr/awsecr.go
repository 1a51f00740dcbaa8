// SPDX-License-Identifier: Apache-2.0

// Package awsecr gives credentials for private registries of Amazon ECR: the user
// AWS and a password for 12 hours.
//
// A host is a registry of ECR by an anchored grammar, never by configuration. Its
// account and region say whom to ask; registries of other accounts work if they
// allow it.
//
// Spec: Amazon ECR API 2015-09-21, GetAuthorizationToken.
package awsecr

import (
	"context"
	"encoding/base64"
	"regexp"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/aws"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
)

// Name of the provider.
const Name = "aws_ecr"

// Options configures a [Provider].
type Options struct {
	// Identity of this workload. Required.
	Identity aws.Options
}

// Provider is a [credentials.Provider]. It may be shared between goroutines.
type Provider struct {
	*credentials.Cached

	identity *aws.Identity
}

// New returns a provider. The error names what is missing; nothing is asked of
// anybody.
func New(o Options) (*Provider, error) {
	identity, err := aws.New(o.Identity)
	if err != nil {
		return nil, err
	}
	p := &Provider{identity: identity}
	p.Cached = credentials.NewCached(p.Fetch, o.Identity.Now)
	return p, nil
}

// registry is the host of a private registry: account, FIPS or not, region.
//
// Spec: amazon-ecr-credential-helper v0.12.0, without the isolated partitions.
var registry = regexp.MustCompile(`^([0-9]{12})\.dkr[.-]ecr(-fips)?\.([a-z]{2,4}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2})\.(amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn)$`)

// parse takes a host apart; false if it is no registry of ECR, or of another
// partition than its domain.
func parse(host string) (account, api, region string, ok bool) {
	m := registry.FindStringSubmatch(host)
	if m == nil {
		return "", "", "", false
	}
	account, region = m[1], m[3]
	suffix := aws.Suffix(region)
	own := m[4] == suffix || m[4] == "on.aws" && suffix == "amazonaws.com" || m[4] == "on.amazonwebservices.com.cn" && suffix == "amazonaws.com.cn"
	api = "api.ecr." + region + "." + suffix
	if m[2] != "" {
		api = "ecr-fips." + region + "." + suffix
	}
	return account, api, region, own
}

// Owns reports whether a canonical host is a private registry of ECR.
func (p *Provider) Owns(host string) bool {
	_, _, _, ok := parse(host)
	return ok
}

// Fetch asks for the credential of a canonical host. The error is a
// [*credentials.Error], or ctx's.
func (p *Provider) Fetch(ctx context.Context, host string) (auth.Credential, time.Time, error) {
	credential, expires, err := p.authorization(ctx, host)
	return credential, expires, credentials.FromCall(Name, err)
}

const step = "get authorization token"

func (p *Provider) authorization(ctx context.Context, host string) (auth.Credential, time.Time, error) {
	account, api, region, ok := parse(host)
	if !ok {
		return auth.EmptyCredential, time.Time{}, &cloud.Error{Step: "check host", Message: host + " is no private registry of Amazon ECR"}
	}
	var answer struct {
		Data []struct {
			Token   string  `json:"authorizationToken"`
			Expires float64 `json:"expiresAt"` // seconds since 1970
		} `json:"authorizationData"`
	}
	err := p.identity.Do(ctx, aws.Call{
		Step: step, Host: api, Service: "ecr", Region: region,
		Target: "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", Input: map[string]any{"registryIds": []string{account}},
	}, &answer)
	if err != nil {
		return auth.EmptyCredential, time.Time{}, err
	}
	if len(answer.Data) == 0 {
		return auth.EmptyCredential, time.Time{}, &cloud.Error{Step: step, Message: "the answer has no authorization data"}
	}
	raw, err := base64.StdEncoding.DecodeString(answer.Data[0].Token)
	user, password, split := strings.Cut(string(raw), ":")
	if err != nil || !split || user == "" || password == "" {
		return auth.EmptyCredential, time.Time{}, &cloud.Error{Step: step, Message: "the token is not the base64 of USER:PASSWORD"}
	}
	expires := time.Unix(int64(min(max(answer.Data[0].Expires, 0), 1<<40)), 0)
	return auth.Credential{Username: user, Password: password}, expires, nil
}
