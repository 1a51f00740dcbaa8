// SPDX-License-Identifier: Apache-2.0

// Package awsecr gives credentials for private registries of Amazon ECR, and for its
// public one if that is wanted: the user AWS and a password for 12 hours.
//
// A host is a registry of ECR by an anchored grammar, never by configuration. Its
// account and region say whom to ask; registries of other accounts work if they
// allow it.
//
// Spec: Amazon ECR API 2015-09-21 and Amazon ECR Public API 2020-10-30,
// GetAuthorizationToken.
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

// PublicHost is the public registry. Anybody may pull from it, and who is known pulls
// more before it says 429.
const PublicHost = "public.ecr.aws"

// Options configures a [Provider].
type Options struct {
	// Identity of this workload. Required.
	Identity aws.Options
	// Public owns [PublicHost] too. False: it is asked anonymously.
	Public bool
}

// Provider is a [credentials.Provider]. It may be shared between goroutines.
type Provider struct {
	*credentials.Cached

	identity *aws.Identity
	public   bool
}

// New returns a provider. The error names what is missing; nothing is asked of
// anybody.
func New(o Options) (*Provider, error) {
	identity, err := aws.New(o.Identity)
	if err != nil {
		return nil, err
	}
	p := &Provider{identity: identity, public: o.Public}
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

// Owns reports whether a canonical host is a private registry of ECR, or the public
// one if that is wanted.
func (p *Provider) Owns(host string) bool {
	_, _, _, ok := parse(host)
	return ok || p.public && host == PublicHost
}

// Fetch asks for the credential of a canonical host. The error is a
// [*credentials.Error], or ctx's.
func (p *Provider) Fetch(ctx context.Context, host string) (auth.Credential, time.Time, error) {
	credential, expires, err := p.authorization(ctx, host)
	return credential, expires, credentials.FromCall(Name, err)
}

const step = "get authorization token"

// authorization is what the services answer.
type authorization struct {
	Token   string  `json:"authorizationToken"`
	Expires float64 `json:"expiresAt"` // seconds since 1970
}

func (p *Provider) authorization(ctx context.Context, host string) (auth.Credential, time.Time, error) {
	a, err := p.ask(ctx, host)
	if err != nil {
		return auth.EmptyCredential, time.Time{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(a.Token)
	user, password, split := strings.Cut(string(raw), ":")
	if err != nil || !split || user == "" || password == "" {
		return auth.EmptyCredential, time.Time{}, &cloud.Error{Step: step, Message: "the token is not the base64 of USER:PASSWORD"}
	}
	expires := time.Unix(int64(min(max(a.Expires, 0), 1<<40)), 0)
	return auth.Credential{Username: user, Password: password}, expires, nil
}

func (p *Provider) ask(ctx context.Context, host string) (authorization, error) {
	if !p.Owns(host) {
		return authorization{}, &cloud.Error{Step: "check host", Message: host + " is no private registry of Amazon ECR"}
	}
	if host == PublicHost {
		return p.askPublic(ctx)
	}
	account, api, region, _ := parse(host)
	var answer struct {
		Data []authorization `json:"authorizationData"`
	}
	err := p.identity.Do(ctx, aws.Call{
		Step: step, Host: api, Service: "ecr", Region: region,
		Target: "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", Input: map[string]any{"registryIds": []string{account}},
	}, &answer)
	if err == nil && len(answer.Data) == 0 {
		err = &cloud.Error{Step: step, Message: "the answer has no authorization data"}
	}
	if err != nil {
		return authorization{}, err
	}
	return answer.Data[0], nil
}

// askPublic asks the one place there is for the public registry.
func (p *Provider) askPublic(ctx context.Context) (authorization, error) {
	const region = "us-east-1"
	var answer struct {
		Data authorization `json:"authorizationData"`
	}
	err := p.identity.Do(ctx, aws.Call{
		Step: step, Host: "api.ecr-public." + region + ".amazonaws.com", Service: "ecr-public", Region: region,
		Target: "SpencerFrontendService.GetAuthorizationToken", Input: map[string]any{},
	}, &answer)
	return answer.Data, err
}
