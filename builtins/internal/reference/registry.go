// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// dockerHub lists the names under which Docker Hub answers; all of them are
// one registry, written docker.io.
var dockerHub = map[string]bool{
	"docker.io": true, "index.docker.io": true, "registry-1.docker.io": true,
	"registry.hub.docker.com": true, "www.docker.io": true,
}

// CanonicalRegistry returns the one spelling of a registry's host[:port] that
// scopes, credentials, caches and allow-lists are keyed by: lower case, no
// trailing dot, no port 443, docker.io for Docker Hub's aliases. Without this
// step "Registry.Example:443" and "registry.example" would be two registries to
// a policy and one to the network. A name of one label keeps its port, because
// "acme/app" is an image on Docker Hub and "acme:443/app" is not.
func CanonicalRegistry(host string) (string, error) {
	name, port, err := splitPort(host)
	if err != nil {
		return "", err
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if err := checkHost(name); err != nil {
		return "", err
	}
	if port == "443" && looksLikeHost(name) {
		port = ""
	}
	if dockerHub[name] && port == "" {
		return "docker.io", nil
	}
	if port == "" {
		return name, nil
	}
	return name + ":" + port, nil
}

// splitPort separates the port; "" means the scheme's default.
func splitPort(host string) (name, port string, err error) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host, "", nil
	}
	name, port = host[:i], host[i+1:]
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return "", "", fmt.Errorf("registry %q: port %q is not a number from 1 to 65535", host, port)
	}
	return name, port, nil
}

func checkHost(name string) error {
	if bracketed, ok := strings.CutPrefix(name, "["); ok {
		addr, ok := strings.CutSuffix(bracketed, "]")
		if a, err := netip.ParseAddr(addr); !ok || err != nil || !a.Is6() || a.Zone() != "" {
			return fmt.Errorf("registry %q is not an IPv6 address in brackets", name)
		}
		return nil
	}
	if name == "" || len(name) > 253 {
		return fmt.Errorf("registry %q: a host name has 1 to 253 characters", name)
	}
	for label := range strings.SplitSeq(name, ".") {
		if !validLabel(label) {
			return fmt.Errorf("registry %q: %q is not a host name label (letters, digits and inner hyphens, 1 to 63)", name, label)
		}
	}
	return checkNumeric(name)
}

// validLabel follows RFC 1123, section 2.1. name is already lower case.
func validLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// checkNumeric refuses hosts such as 0177.1 or 2130706433, which some resolvers
// read as an address and a policy reads as a name (WHATWG URL, "ends in a
// number").
func checkNumeric(name string) error {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if _, err := strconv.ParseUint(last, 0, 64); err != nil {
		return nil //nolint:nilerr // the host does not end in a number: it is a name
	}
	if net.ParseIP(name) == nil {
		return fmt.Errorf("registry %q ends in a number but is not an IPv4 address", name)
	}
	return nil
}

// canonicalise rewrites the registry part of s, if it has one, to its canonical
// spelling before the reference grammar sees it.
func canonicalise(s string) (string, error) {
	host, rest, found := strings.Cut(s, "/")
	if !found {
		return s, nil
	}
	if !looksLikeHost(host) {
		if strings.ToLower(host) != host {
			return s, fmt.Errorf("%q has upper-case letters; a registry has a dot or a port or is localhost, a repository is lower case", host)
		}
		return s, nil
	}
	registry, err := CanonicalRegistry(host)
	if err != nil {
		return s, err
	}
	switch {
	case rest == "":
		return s, errors.New("it has no repository after the registry")
	case !looksLikeHost(registry):
		return s, fmt.Errorf("%q is a registry, but %q is not to Docker; write it with its port", host, registry)
	}
	return registry + "/" + rest, nil
}

// looksLikeHost is Docker's rule: the first part is a registry if it has a dot
// or a colon or is localhost.
func looksLikeHost(first string) bool {
	return strings.ContainsAny(first, ".:") || strings.EqualFold(first, "localhost")
}
