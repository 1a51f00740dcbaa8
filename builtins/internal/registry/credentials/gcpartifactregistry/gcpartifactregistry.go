// SPDX-License-Identifier: Apache-2.0

// Package gcpartifactregistry gives credentials for Google's Artifact Registry, and
// for gcr.io, which it serves: the workload's access token.
//
// A host is one of Google's by an anchored grammar, never by configuration.
//
// Spec: Artifact Registry, "Configure authentication for Docker", access token.
package gcpartifactregistry

import (
	"context"
	"regexp"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/google"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
)

// Name of the provider.
const Name = "gcp_artifact_registry"

// Options configures a [Provider].
type Options struct {
	// Identity of this workload. Required.
	Identity google.Options
}

// Provider is a [credentials.Provider]. It may be shared between goroutines.
type Provider struct {
	*credentials.Cached

	identity *google.Identity
}

// New returns a provider; nothing is asked of anybody.
func New(o Options) (*Provider, error) {
	identity, err := google.New(o.Identity)
	if err != nil {
		return nil, err
	}
	p := &Provider{identity: identity}
	p.Cached = credentials.NewCached(p.Fetch, o.Identity.Now)
	return p, nil
}

// registry is the host of a registry: of a region, of a continent, or of gcr.io.
var registry = regexp.MustCompile(`^(?:[a-z]{2,20}(?:-[a-z]{2,20}[0-9]{1,2})?-docker\.pkg\.dev|(?:(?:us|eu|asia)\.)?gcr\.io)$`)

// Owns reports whether a canonical host is a registry of Google.
func (p *Provider) Owns(host string) bool { return registry.MatchString(host) }

// Fetch asks for the credential of a canonical host. The error is a
// [*credentials.Error], or ctx's.
func (p *Provider) Fetch(ctx context.Context, host string) (auth.Credential, time.Time, error) {
	if !p.Owns(host) {
		return auth.EmptyCredential, time.Time{}, &credentials.Error{Provider: Name, Step: "check host", Message: host + " is no registry of Google"}
	}
	token, err := p.identity.Token(ctx)
	if err != nil {
		return auth.EmptyCredential, time.Time{}, credentials.FromCall(Name, err)
	}
	return auth.Credential{Username: "oauth2accesstoken", Password: token.Value}, token.Expires, nil
}
