// SPDX-License-Identifier: Apache-2.0

package alibabacloudacr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
)

// Name of the provider in configuration and messages.
const Name = "alibabacloud_acr"

// Options configures a [Provider].
type Options struct {
	// Client calls the services. Required.
	Client *alibabacloud.Client
	// Sessions are those of the identity that may get tokens. Required.
	Sessions *alibabacloud.Sessions
	// Instances by host, name@region or name. Empty, and without DefaultInstance:
	// the region's instances are listed and the one of that name is used.
	Instances []Instance
	// DefaultInstance is the id of the instance for hosts of the Enterprise Edition
	// that Instances does not name. Empty: they are an error.
	DefaultInstance string
	// Regions in which DefaultInstance may be used. Empty: all.
	Regions []string
	// Hosts are custom domains; each needs its host in Instances too. Empty: none.
	Hosts []CustomHost
	// Personal takes hosts of the Personal Edition too. False: they are not owned.
	Personal bool
	// VPC asks the services at their addresses in VPCs. False: only for registries
	// that are named by theirs.
	VPC bool
	// Endpoint asks another host for tokens, "cr.internal.example". Empty: that of
	// the region.
	Endpoint string
	// Now is the clock. Nil: [time.Now].
	Now func() time.Time
}

// CustomHost is a domain of the operator that leads to an instance.
type CustomHost struct {
	Host   string // exactly, without wildcards
	Region string // of the instance
	ID     string // of the instance, "cri-…"
}

// Provider gives credentials. It may be shared between goroutines.
type Provider struct {
	o      Options
	cached *credentials.Cached
}

// New checks the options; nothing is asked yet. The error names every problem.
func New(o Options) (*Provider, error) {
	problems := CheckInstances(o.Instances)
	if o.DefaultInstance != "" && !instanceID.MatchString(o.DefaultInstance) {
		problems = append(problems, fmt.Errorf("default instance: %q is not the id of an instance, cri-…", o.DefaultInstance))
	}
	for _, r := range o.Regions {
		if !regionOnly.MatchString(r) {
			problems = append(problems, fmt.Errorf("%q is not a region, cn-hangzhou", r))
		}
	}
	for _, h := range o.Hosts {
		if _, grammatical := parse(h.Host); grammatical || strings.ContainsAny(h.Host, "*/@ ") || !strings.Contains(h.Host, ".") {
			problems = append(problems, fmt.Errorf("host %q: write a custom domain, exactly; instances' own hosts need none", h.Host))
		}
		if !regionOnly.MatchString(h.Region) || !instanceID.MatchString(h.ID) {
			problems = append(problems, fmt.Errorf("host %q: it needs the region and the id of its instance, cri-…", h.Host))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	p := &Provider{o: o}
	p.cached = credentials.NewCached(p.fetch, o.Now)
	return p, nil
}

// Owns implements [credentials.Provider].
func (p *Provider) Owns(host string) bool {
	_, owned := p.registry(host)
	return owned
}

// Credential implements [credentials.Provider]. It asks nobody while the token at
// hand is good.
func (p *Provider) Credential(ctx context.Context, host string) (auth.Credential, error) {
	if !p.Owns(host) {
		return auth.EmptyCredential, &credentials.Error{Provider: Name, Message: host + " is not a registry of this provider", Err: credentials.ErrNotOwned}
	}
	return p.cached.Credential(ctx, canonical(host))
}

// Refused drops a token that a registry does not accept.
func (p *Provider) Refused(host string, credential auth.Credential) bool {
	return p.cached.Refused(canonical(host), credential)
}

// Realms are the token servers, host[:port], that may get the credential of a
// host: those of Container Registry are never on the registry's own host.
func (p *Provider) Realms(host string) []string {
	r, owned := p.registry(host)
	if !owned {
		return nil
	}
	return r.realms()
}

// registry is what a host is, if the provider owns it.
func (p *Provider) registry(host string) (registry, bool) {
	for _, h := range p.o.Hosts {
		if canonical(h.Host) == canonical(host) {
			return registry{edition: enterpriseEdition, region: h.Region}, true
		}
	}
	r, ok := parse(host)
	return r, ok && (r.edition == enterpriseEdition || p.o.Personal)
}

// fetch gets a token for a host.
func (p *Provider) fetch(ctx context.Context, host string) (auth.Credential, time.Time, error) {
	token, err := p.token(ctx, host)
	if err != nil {
		return auth.EmptyCredential, time.Time{}, credentials.FromCall(Name, err)
	}
	return auth.Credential{Username: token.Username, Password: token.Password}, token.Expires, nil
}

func (p *Provider) token(ctx context.Context, host string) (alibabacloud.RegistryToken, error) {
	r, _ := p.registry(host)
	session, err := p.o.Sessions.Session(ctx)
	if err != nil {
		return alibabacloud.RegistryToken{}, err
	}
	at := alibabacloud.Place{Endpoint: p.endpoint(r), Region: r.region, Session: session}
	if r.edition == personalEdition {
		return p.o.Client.PersonalToken(ctx, at)
	}
	id, err := p.resolve(ctx, at, host, r)
	if err != nil {
		return alibabacloud.RegistryToken{}, err
	}
	return p.o.Client.RegistryToken(ctx, at, id)
}

func (p *Provider) endpoint(r registry) string {
	switch {
	case p.o.Endpoint != "":
		return p.o.Endpoint
	case p.o.VPC || r.network == "-vpc":
		return "cr-vpc." + r.region + ".aliyuncs.com"
	}
	return "cr." + r.region + ".aliyuncs.com"
}

// resolve returns the id of the instance behind a host.
func (p *Provider) resolve(ctx context.Context, at alibabacloud.Place, host string, r registry) (string, error) {
	for _, h := range p.o.Hosts {
		if canonical(h.Host) == host {
			return h.ID, nil
		}
	}
	if r.edition == newPersonalEdition {
		return r.instance, nil
	}
	if id := find(p.o.Instances, host, r); id != "" {
		return id, nil
	}
	switch {
	case p.o.DefaultInstance != "" && (len(p.o.Regions) == 0 || slices.Contains(p.o.Regions, r.region)):
		return p.o.DefaultInstance, nil
	case p.o.DefaultInstance == "" && len(p.o.Instances) == 0:
		return p.listed(ctx, at, r)
	}
	return "", &alibabacloud.Error{Step: stepResolve, Message: fmt.Sprintf("no instance is configured for %s; add %s@%s with its id", host, r.instance, r.region)}
}

const stepResolve = "find instance"

// listed asks for the instance by its name.
func (p *Provider) listed(ctx context.Context, at alibabacloud.Place, r registry) (string, error) {
	instances, err := p.o.Client.Instances(ctx, at, r.instance)
	if err != nil {
		return "", err
	}
	for _, i := range instances {
		if i.Name == r.instance {
			if !instanceID.MatchString(i.ID) {
				break
			}
			return i.ID, nil
		}
	}
	return "", &alibabacloud.Error{Step: stepResolve, Message: fmt.Sprintf("this account has no instance called %q in %s", r.instance, r.region)}
}
