// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/auth"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/health"
)

// host is one registry or mirror as it is reached, kept as long as it is used:
// connections, tokens and how it has been answering. Its connections are its own,
// so that letting go of them after a hang costs no other host anything.
type host struct {
	name      string   // canonical, "docker.io"
	base      *url.URL // "https://registry-1.docker.io"
	rule      *rule
	transport *outbound.Transport
	http      *http.Client
	auth      *auth.Authorizer
	meeting   meeting
	health    health.Breaker
}

// dialHost is where Docker Hub answers the registry protocol.
const dialHost = "registry-1.docker.io"

// host returns the one host of that canonical name.
func (c *Client) host(name string) (*host, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, ok := c.hosts.Get(name); ok {
		return h, nil
	}
	h, err := c.newHost(name)
	if err == nil {
		c.hosts.Add(name, h)
	}
	return h, err
}

func (c *Client) newHost(name string) (*host, error) {
	r := match(c.rules, name)
	h := &host{name: name, rule: r, base: &url.URL{Scheme: "https", Host: name, Path: "/"}}
	dial := r.outbound
	if implied := isLoopback(name) && len(r.CA) == 0; implied && !r.PlainHTTP {
		h.base.Scheme, dial.Policy.Loopback = "http", true
	} else if r.PlainHTTP {
		h.base.Scheme = "http"
	}
	if name == "docker.io" {
		h.base.Host = dialHost
	}
	h.transport = outbound.NewTransport(dial)
	h.http = &http.Client{Transport: h.transport, CheckRedirect: outbound.CheckRedirect}
	authorizer, err := auth.New(auth.Options{
		Registry: name, URL: h.base, TrustedRealms: c.trustedRealms(name, r.TrustedRealms), Credentials: c.o.Credentials,
		Transport: c.realmTransport(h, h.transport), Public: r.public,
		MaxConcurrent: r.MaxConcurrent, UserAgent: c.o.UserAgent, Base: c.base, Now: c.o.Now,
		Observe: func(host string, status int, took time.Duration) {
			c.observe(RequestEvent{Host: host, Kind: KindToken, Method: "TOKEN", Status: status, Duration: took})
		},
	})
	h.auth = authorizer
	return h, err
}

// trustedRealms are the token servers of a registry that the operator configured
// and those that belong to the credential provider's kind of registry.
func (c *Client) trustedRealms(name string, configured []string) []string {
	p, ok := c.o.Credentials.(interface{ Realms(host string) []string })
	if !ok {
		return configured
	}
	return slices.Concat(configured, p.Realms(name))
}

// realmTransport chooses the transport to a token server that gets the
// credential: its own rule's, if it has one, else the registry's, so that a
// private CA needs to be named once.
func (c *Client) realmTransport(h *host, own *outbound.Transport) func(string) http.RoundTripper {
	return func(realm string) http.RoundTripper {
		switch r := match(c.rules, realm); {
		case realm == h.base.Host:
			return own
		case r.Match == realm:
			return r.transport
		default:
			return h.rule.transport
		}
	}
}

func (c *Client) observe(e RequestEvent) {
	if c.o.Observe != nil {
		c.o.Observe(e)
	}
}
