// SPDX-License-Identifier: Apache-2.0

package kubernetessecrets

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// keyring finds the credential for an image.
//
// Spec: Kubernetes, "Images", "Interpretation of config.json".
type keyring struct {
	entries []entry
	bad     *entry // the first Secret that cannot be read; nil: there is none
}

type entry struct {
	pattern pattern
	secret  string // namespace/name it is from

	credential auth.Credential
	err        error
}

// pattern is what a credential is for: "*.example:5000/team".
type pattern struct {
	host string // lower case, with * within labels
	glob bool
	port string
	path string // "" or a prefix of the repository
}

// parsePattern reads a key of a list of credentials; hosts are canonical, so that
// "https://index.docker.io/v1/" is docker.io.
func parsePattern(key string) (pattern, bool) {
	host, prefix, _ := strings.Cut(key, "/")
	p := pattern{path: strings.Trim(prefix, "/"), glob: strings.ContainsAny(host, "*?[")}
	if !p.glob {
		canonical, err := reference.CanonicalRegistry(host)
		p.host, p.port = splitPort(canonical)
		return p, err == nil
	}
	p.host, p.port = splitPort(strings.ToLower(host))
	_, err := path.Match(p.host, "")
	return p, err == nil
}

func splitPort(host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host, ""
	}
	return host[:i], host[i+1:]
}

// sort puts the most specific first: the longest path, then a host without
// wildcards. Equals stay in the order of their Secrets.
func (k *keyring) sort() {
	slices.SortStableFunc(k.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(len(b.pattern.path), len(a.pattern.path)), compareBool(a.pattern.glob, b.pattern.glob))
	})
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// knows reports whether there is anything for a host.
func (k *keyring) knows(host string) bool {
	return k.bad != nil || slices.ContainsFunc(k.entries, func(e entry) bool { return e.pattern.ofHost(host) })
}

// find returns the entry for a repository.
func (k *keyring) find(host, repository string) (entry, bool) {
	i := slices.IndexFunc(k.entries, func(e entry) bool { return e.pattern.ofHost(host) && e.pattern.covers(repository) })
	if i < 0 {
		return entry{}, false
	}
	return k.entries[i], true
}

// ofHost: * stands for anything within one label, and there are as many labels.
func (p pattern) ofHost(host string) bool {
	name, port := splitPort(host)
	if port != p.port {
		return false
	}
	if !p.glob {
		return name == p.host
	}
	wants, labels := strings.Split(p.host, "."), strings.Split(name, ".")
	if len(wants) != len(labels) {
		return false
	}
	for i, want := range wants {
		if ok, err := path.Match(want, labels[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// covers: a path is a prefix of whole segments.
func (p pattern) covers(repository string) bool {
	return p.path == "" || repository == p.path || strings.HasPrefix(repository, p.path+"/")
}
