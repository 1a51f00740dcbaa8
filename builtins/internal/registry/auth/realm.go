// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// ErrRealm is wrapped by every refusal of a token server.
var ErrRealm = errors.New("token server refused")

// standing is what a realm may be given.
type standing int

const (
	refused  standing = iota
	stranger          // an anonymous request, to a public address, over https
	trusted           // the registry's credential
)

// realms decides which token server may be asked with what. A registry names its
// token server itself, so without a rule a registry that an attacker answers for
// learns credentials or makes us ask internal services (GHSA-xf85-363p-868w).
//
//	the registry's own host name        trusted, over the registry's scheme or https
//	a declared pair (auth.docker.io)    trusted, over https
//	trusted_realms of the registry      trusted, over https; http only if the registry itself is plain HTTP
//	any other                           stranger: without a credential, https, public addresses
//
// A redirect of a token server is judged by the same rules.
type realms struct {
	registry *url.URL        // where the registry is reached
	trusted  map[string]bool // host:port
}

// declared lists the token servers that well-known registries keep on another
// host.
func declared(registry string) []string {
	if registry == "docker.io" {
		return []string{"auth.docker.io"}
	}
	return nil
}

// standing judges u.
func (r realms) standing(u *url.URL) standing {
	downgrade := u.Scheme == "http" && r.registry.Scheme == "https"
	switch {
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.User != nil, downgrade:
		return refused
	case hostname(u) == hostname(r.registry), r.trusted[outbound.HostPort(u)]:
		return trusted
	case u.Scheme == "https":
		return stranger
	default:
		return refused
	}
}

// check refuses u, or allows it to be asked. The error wraps [ErrRealm] and
// never holds the query.
func (r realms) check(u *url.URL, withCredential bool) error {
	switch r.standing(u) {
	case trusted:
		return nil
	case stranger:
		if !withCredential {
			return nil
		}
		return fmt.Errorf("%w: the registry names %s, which is not known to belong to it; to send it the credential, add %q to trusted_realms of registry %s",
			ErrRealm, u.Host, u.Host, r.registry.Host)
	default:
		return fmt.Errorf("%w: the registry %s names %q, where no token is asked for: its scheme is %q, and clear text is only for a plain_http registry itself and its trusted_realms",
			ErrRealm, r.registry.Host, u.Host, u.Scheme)
	}
}

func hostname(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") }

// parseRealm reads the realm of a challenge. Its query stays: some registries
// put the account into it.
func parseRealm(realm string) (*url.URL, error) {
	u, err := url.Parse(realm)
	if err != nil || !u.IsAbs() || u.Host == "" || u.Opaque != "" {
		return nil, fmt.Errorf("%w: the registry's challenge names no URL as its realm", ErrRealm)
	}
	u.Fragment = ""
	return u, nil
}
