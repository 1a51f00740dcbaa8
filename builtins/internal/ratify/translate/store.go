// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// stores translates how Ratify reaches registries.
func (t *translator) stores() {
	for _, s := range t.set.Stores {
		if s.Namespace != "" && t.Live {
			s.At.Skip()
			s.At.Mistake("registries are configured for the whole process, not for a namespace; it was left out", "write a Store")
			continue
		}
		if s.Namespace != "" {
			s.At.Add(finding.NoCounterpart, "registries are configured for the whole process, not for a namespace; it is taken for all", "")
		}
		if s.Type != "oras" {
			s.At.Skip()
			s.At.Add(finding.NoCounterpart, t.notFound()+fmt.Sprintf("the store %q has no counterpart; registries are asked by the OCI protocol", s.Type), "")
			continue
		}
		t.oras(s)
	}
	for _, e := range t.set.Executors {
		for _, s := range e.Stores {
			if s.Type != "registry-store" {
				s.Parameters.Skip()
				s.At.Add(finding.NoCounterpart, fmt.Sprintf("the store %q has no counterpart; registries are asked by the OCI protocol", s.Type), "")
				continue
			}
			t.registryStore(e, s)
		}
	}
}

// oras translates the store of the first generation.
func (t *translator) oras(s resource.Store) {
	p := s.Parameters
	if plain := p.Get("useHttp"); plain.Bool(false) {
		t.plain(plain, t.hosts())
	}
	if tags := p.Get("cosignEnabled"); !tags.Bool(false) && t.hasCosign() {
		s.At.Add(finding.Wider, "has no cosignEnabled: Ratify does not look for signatures in tags (sha256-….sig); the bundle does", "leave the Cosign verifier out if they must not count")
	}
	if ttl := p.Get("ttl"); !p.Get("cacheEnabled").Bool(true) {
		t.remember(p.Get("cacheEnabled"), 0)
		ttl.Text()
	} else if n, ok := ttl.Int(); ok {
		t.remember(ttl, n)
	}
	if path := p.Get("localCachePath"); path.Text() != "" {
		path.Add(finding.Note, "is where Ratify keeps what it fetched; here that is memory", "plugins.ratify.cache.content_bytes bounds it")
	}
	t.credentials(p.Get("authProvider"), nil)
}

// remember sets how long lists of referrers and digests of tags are believed, in
// seconds.
func (t *translator) remember(at source.Value, seconds int) {
	const longest = 3600
	if seconds > longest {
		at.Add(finding.Stricter, "lists of referrers are believed for an hour at most", "")
		seconds = longest
	}
	for _, path := range []string{"cache.tag_ttl", "cache.referrers_ttl"} {
		t.plan.configuration.settings = append(t.plan.configuration.settings, resource.Setting{Path: path, Text: fmt.Sprintf("%ds", seconds), At: at})
	}
}

func (t *translator) hasCosign() bool {
	return slices.ContainsFunc(t.set.Verifiers, func(v resource.Verifier) bool { return v.Type == formatCosign })
}

// plain is HTTP for the registries that policies name: for all of them is refused.
func (t *translator) plain(at source.Value, hosts []string) {
	if len(hosts) == 0 {
		at.Add(finding.NoCounterpart, "HTTP for every registry is refused, and no scope names one; loopback is asked by HTTP anyway", "name the registry: plugins.ratify.registries: [{match: registry.example:5000, plain_http: true}]")
		return
	}
	at.Add(finding.Stricter, "HTTP is for the registries alone that the scopes name: "+strings.Join(hosts, ", "), "add others to plugins.ratify.registries")
	for _, host := range hosts {
		t.plan.configuration.registry(registrySetting{match: host, from: at.From(), plain: commented.Bool(true, at.From())})
	}
}

// hosts are the registries that policies and trust policies name.
func (t *translator) hosts() []string {
	var hosts []string
	add := func(pattern string) {
		host, _, _ := strings.Cut(pattern, "/")
		if s := (scope{host: host}); pattern != "*" && s.problem() == "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	for _, p := range t.plan.Policies {
		for _, s := range p.Scopes {
			add(s.Pattern)
		}
	}
	for _, d := range t.plan.Documents {
		registryScopes(d.Node, add)
	}
	return hosts
}

// registryScopes finds the scopes of trust policies.
func registryScopes(n *commented.Node, add func(string)) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "registryScopes" {
			for _, s := range child.Content {
				add(s.Value)
			}
		}
		registryScopes(child, add)
	}
}

// registryStore translates the store of the second generation, for its scopes or
// those of its executor.
func (t *translator) registryStore(e resource.Executor, s resource.Store) {
	p := s.Parameters
	hosts := storeHosts(e, s)
	if plain := p.Get("plainHttp"); plain.Bool(false) {
		t.plain(plain, hosts)
	}
	if ca, at := t.authority(p); ca != "" {
		for _, host := range hosts {
			t.plan.configuration.registry(registrySetting{match: host, from: at.From(), ca: commented.Text(ca, at.From())})
		}
		if len(hosts) == 0 {
			at.Add(finding.NoCounterpart, "no scope names the registry the CA is for", "add plugins.ratify.registries: [{match: …, ca_file: …}]")
		}
	}
	if !p.Get("allowCosignTag").Bool(false) && slices.ContainsFunc(e.Verifiers, func(v resource.Verifier) bool { return v.Type == formatCosign }) {
		s.At.Add(finding.Wider, "has no allowCosignTag: Ratify does not look for signatures in tags (sha256-….sig); the bundle does", "leave the Cosign verifier out if they must not count")
	}
	if agent := p.Get("userAgent"); agent.Text() != "" {
		agent.Add(finding.Note, "requests are made as opa-ratify", "")
	}
	t.bytes("limits.blob_bytes", p.Get("maxBlobBytes"))
	t.bytes("limits.manifest_bytes", p.Get("maxManifestBytes"))
	t.credentials(p.Get("credential"), hosts)
}

func storeHosts(e resource.Executor, s resource.Store) []string {
	scopes := s.At.Get("scopes").List()
	if len(scopes) == 0 {
		scopes = e.Scopes
	}
	var hosts []string
	for _, at := range scopes {
		host, _, _ := strings.Cut(at.Text(), "/")
		if sc := (scope{host: host}); sc.problem() == "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// authority returns the CAs of a registry as PEM, and nothing else.
func (t *translator) authority(p source.Value) (string, source.Value) {
	at := p.Get("caPem")
	encoded := p.Get("caBase64")
	if at.Text() == "" {
		raw, err := base64.StdEncoding.DecodeString(encoded.Text())
		if at = encoded; err != nil {
			at.Mistake("is not base64", "correct it")
			return "", at
		}
		if len(raw) > 0 {
			at = at.As(string(raw))
		}
	}
	if at.Text() == "" {
		return "", at
	}
	d := &Document{Name: "of the registry"}
	n := t.certificates(d, at, "ca")
	if d.Incomplete != "" {
		return "", at
	}
	return n.Value, at
}

func (t *translator) bytes(path string, at source.Value) {
	const smallest, largest = 1 << 10, 1 << 30
	n, ok := at.Int()
	switch {
	case !ok || n == 0:
	case n < smallest || n > largest:
		at.Add(finding.NoCounterpart, fmt.Sprintf("a limit lies between %d and %d bytes here; the default stays", smallest, largest), "")
	default:
		t.plan.configuration.settings = append(t.plan.configuration.settings, resource.Setting{Path: path, Text: fmt.Sprint(n), At: at})
	}
}
