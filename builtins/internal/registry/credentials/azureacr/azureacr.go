// SPDX-License-Identifier: Apache-2.0

// Package azureacr gives credentials for Azure Container Registry: the workload's
// Microsoft Entra token, exchanged at the registry for a refresh token.
//
//	service account token ──▶ Microsoft Entra ──token──▶ HOST/oauth2/exchange ──▶ refresh token
//
// A host is a registry of Azure by an anchored grammar, never by configuration
// (threat: CVE-2025-27403, an Entra token sent to whatever registry a pod named).
//
// Spec: Azure Container Registry, "AAD integration", POST /oauth2/exchange.
package azureacr

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/entra"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
)

// Name of the provider.
const Name = "azure_acr"

// Options configures a [Provider].
type Options struct {
	// Identity of this workload, its transport and its clock. Identity.Transport is
	// the one to registries too. Required.
	Identity entra.Options
}

// Provider is a [credentials.Provider]. It may be shared between goroutines.
type Provider struct {
	*credentials.Cached

	identity *entra.Identity
	client   cloud.Client
	now      func() time.Time
}

// New returns a provider. The error names what is missing; nothing is asked of
// anybody.
func New(o Options) (*Provider, error) {
	identity, err := entra.New(o.Identity)
	if err != nil {
		return nil, err
	}
	now := o.Identity.Now
	if now == nil {
		now = time.Now
	}
	p := &Provider{identity: identity, client: cloud.Client{Transport: o.Identity.Transport}, now: now}
	p.Cached = credentials.NewCached(p.Fetch, now)
	return p, nil
}

// Owns reports whether a canonical host is a registry of Azure.
func (p *Provider) Owns(host string) bool { return IsRegistry(host) }

// resource is the audience of registries, the same in all clouds. It works also
// where the registry refuses tokens for the resource manager.
const resource = "https://containerregistry.azure.net"

// Fetch asks for the credential of a canonical host. The error is a
// [*credentials.Error], or ctx's.
func (p *Provider) Fetch(ctx context.Context, host string) (auth.Credential, time.Time, error) {
	refresh, err := p.refreshToken(ctx, host)
	if err != nil {
		return auth.EmptyCredential, time.Time{}, credentials.FromCall(Name, err)
	}
	return auth.Credential{RefreshToken: refresh}, expiry(refresh, p.now()), nil
}

func (p *Provider) refreshToken(ctx context.Context, host string) (string, error) {
	in, ok := cloudOf(host)
	if !ok {
		return "", &cloud.Error{Step: "check host", Message: host + " is no registry of Azure"}
	}
	token, err := p.identity.Token(ctx, resource, in)
	if err != nil {
		return "", err
	}
	refresh, err := p.exchange(ctx, host, token)
	if e, ok := errors.AsType[*cloud.Error](err); ok && !e.Retryable {
		p.identity.Refused(resource, in, token)
	}
	return refresh, err
}

const stepExchange = "exchange token"

func (p *Provider) exchange(ctx context.Context, host, token string) (string, error) {
	form := url.Values{"grant_type": {"access_token"}, "service": {host}, "access_token": {token}}
	if tenant := p.identity.Tenant(); tenant != "" {
		form.Set("tenant", tenant)
	}
	req, err := cloud.Form(ctx, "https://"+host+"/oauth2/exchange", form)
	if err != nil {
		return "", &cloud.Error{Step: stepExchange, Message: "the host makes no URL"}
	}
	var answer struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := p.client.JSON(stepExchange, req, explain, &answer); err != nil {
		return "", err
	}
	if answer.RefreshToken == "" {
		return "", &cloud.Error{Step: stepExchange, Message: "the answer has no refresh_token"}
	}
	return answer.RefreshToken, nil
}

// explain reads a refusal of the registry.
func explain(h http.Header, body []byte) cloud.Refusal {
	r := cloud.Refusal{RequestID: h.Get("X-Ms-Correlation-Request-Id")}
	var said struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &said) == nil && len(said.Errors) > 0 {
		r.Code, r.Message = said.Errors[0].Code, said.Errors[0].Message
	}
	if r.Code == "UNAUTHORIZED" || r.Code == "DENIED" {
		r.Advice = "has the identity the role AcrPull (or Container Registry Repository Reader) on the registry, and is it of its tenant?"
	}
	return r
}

const (
	// maxLifetime of a refresh token; known ones live 3 h.
	maxLifetime = 3 * time.Hour
	// unknownLifetime is for a token that does not say.
	unknownLifetime = 10 * time.Minute
)

// expiry reads when a refresh token expires. It is a hint to ask for the next one
// in time, and not verified.
func expiry(token string, now time.Time) time.Time {
	var claims struct {
		Expires int64 `json:"exp"` // seconds since 1970
	}
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	if err != nil || json.Unmarshal(raw, &claims) != nil || claims.Expires <= 0 {
		return now.Add(unknownLifetime)
	}
	latest := now.Add(maxLifetime)
	if at := time.Unix(claims.Expires, 0); at.Before(latest) {
		return at
	}
	return latest
}
