// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// rule is a [Registry], compiled. The zero match is the rule for all hosts that
// no other matches.
type rule struct {
	Registry
	scope     reference.Scope
	mirrors   []mirror
	outbound  outbound.Options    // as Options.Outbound says
	transport *outbound.Transport // to token servers that may get the credential
	public    *outbound.Transport // to token servers at public addresses only
}

type mirror struct{ host, prefix string }

// compile makes a rule of each r and one for everything else; the errors name
// every problem.
func compile(o Options) ([]rule, error) {
	rules, errs, seen := make([]rule, 0, len(o.Registries)+1), []error(nil), map[string]bool{}
	for _, r := range o.Registries {
		compiled, err := compileRule(o, r)
		if err != nil {
			errs = append(errs, fmt.Errorf("registry %q: %w", r.Match, err))
			continue
		}
		if seen[compiled.Match] {
			errs = append(errs, fmt.Errorf("registry %q: is there twice; write it once", r.Match))
		}
		seen[compiled.Match] = true
		rules = append(rules, compiled)
	}
	fallback := rule{Registry: Registry{MaxConcurrent: defaultConcurrent}}
	fallback.dial(o, nil)
	return append(rules, fallback), errors.Join(errs...)
}

// defaultConcurrent requests to one host keep a busy admission server below the
// limits of common registries.
const defaultConcurrent = 64

func compileRule(o Options, r Registry) (rule, error) {
	compiled, errs := rule{Registry: r}, []error(nil)
	collect := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	compiled.Match, compiled.scope, err = compileMatch(r.Match)
	collect(err)
	compiled.mirrors, err = compileMirrors(r.Mirrors)
	collect(err)
	compiled.TrustedRealms, err = canonicalHosts("trusted realm", r.TrustedRealms)
	collect(err)
	roots, err := compileCA(r.CA)
	collect(err)
	if r.PlainHTTP && len(r.CA) > 0 {
		collect(errors.New("plain HTTP and a CA exclude each other"))
	}
	if r.MaxConcurrent < 0 {
		collect(fmt.Errorf("max concurrent %d: must not be negative", r.MaxConcurrent))
	}
	if r.MaxConcurrent == 0 {
		compiled.MaxConcurrent = defaultConcurrent
	}
	compiled.dial(o, roots)
	return compiled, errors.Join(errs...)
}

func (r *rule) dial(o Options, roots *x509.CertPool) {
	r.outbound = outbound.Options{Policy: o.Outbound, RootCAs: roots, IdlePerHost: r.MaxConcurrent, Proxy: o.Proxy}
	public := r.outbound
	public.Policy.Public = true
	r.transport, r.public = outbound.NewTransport(r.outbound), outbound.NewTransport(public)
}

func compileMatch(match string) (string, reference.Scope, error) {
	if match == "*" {
		scope, err := reference.ParseScope(match)
		return match, scope, err
	}
	host, wild := strings.CutPrefix(match, "*.")
	canonical, err := reference.CanonicalRegistry(host)
	if err != nil {
		return match, reference.Scope{}, err
	}
	if !wild {
		return canonical, reference.Scope{}, nil // compared as it is
	}
	scope, err := reference.ParseScope("*." + canonical)
	return "*." + canonical, scope, err
}

func compileCA(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil //nolint:nilnil // nil means the system's authorities to crypto/tls
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("CA: no certificate in it; expected PEM")
	}
	return pool, nil
}

// prefixPattern is a repository name.
// Spec: OCI distribution v1.1.1, "Pulling manifests".
var prefixPattern = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

func compileMirrors(list []string) ([]mirror, error) {
	mirrors, errs := make([]mirror, 0, len(list)), []error(nil)
	for _, m := range list {
		host, prefix, hasPrefix := strings.Cut(m, "/")
		canonical, err := reference.CanonicalRegistry(host)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("mirror %q: %w", m, err))
		case hasPrefix && !prefixPattern.MatchString(prefix):
			errs = append(errs, fmt.Errorf("mirror %q: %q is not a repository prefix; write host[:port][/prefix]", m, prefix))
		default:
			mirrors = append(mirrors, mirror{host: canonical, prefix: prefix})
		}
	}
	return mirrors, errors.Join(errs...)
}

func canonicalHosts(what string, list []string) ([]string, error) {
	hosts, errs := make([]string, 0, len(list)), []error(nil)
	for _, h := range list {
		canonical, err := reference.CanonicalRegistry(h)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %q: %w", what, h, err))
			continue
		}
		hosts = append(hosts, canonical)
	}
	return hosts, errors.Join(errs...)
}

// match returns the most specific rule for a canonical host: its own, the longest
// wildcard, "*", nothing special.
func match(rules []rule, host string) *rule {
	best := &rules[len(rules)-1]
	for i := range rules[:len(rules)-1] {
		r := &rules[i]
		if r.Match == host {
			return r
		}
		if r.scope.Match(reference.Reference{Registry: host, Repository: "x"}) && len(r.Match) > len(best.Match) {
			best = r
		}
	}
	return best
}

// isLoopback reports whether host[:port] names this machine (RFC 6761, section
// 6.3, and loopback addresses).
func isLoopback(host string) bool {
	name := host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name = host[:i]
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}
