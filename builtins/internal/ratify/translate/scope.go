// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// extent is how much of a registry a scope covers.
type extent int

const (
	everything extent = iota
	registry          // all of a registry
	tree              // a repository and all below
	below             // all below, without itself
	exact             // one repository
)

// scope is a set of images, as Ratify or the bundle's library has it.
type scope struct {
	extent extent
	host   string // may begin with "*." for one label
	path   []string
	at     source.Value
	// refused says why nothing in it may be admitted; "" if something may be.
	refused string
}

// pattern is the scope in the library's grammar. An exact repository is written
// as a tree: there is no pattern for it, and [translator.cells] cuts off the rest.
func (s scope) pattern() string {
	switch s.extent {
	case everything:
		return "*"
	case registry:
		return s.host
	case below:
		return s.host + "/" + strings.Join(s.path, "/") + "/**"
	case tree, exact:
	}
	return s.host + "/" + strings.Join(s.path, "/")
}

func (s scope) rank() int {
	wild := strings.HasPrefix(s.host, "*.")
	switch {
	case s.extent == everything:
		return 0
	case s.extent == registry && wild:
		return 1
	case s.extent == registry:
		return 2
	case s.extent == exact:
		return 1 << 20
	}
	return 3 + len(s.path)
}

// covers reports whether every image of c lies in s.
func (s scope) covers(c scope) bool {
	if s.extent == everything {
		return true
	}
	if c.extent == everything || !coversHost(s.host, c.host) {
		return false
	}
	prefix := len(c.path) >= len(s.path) && slices.Equal(s.path, c.path[:len(s.path)])
	switch s.extent {
	case registry:
		return true
	case tree:
		return c.extent != registry && prefix
	case below:
		return c.extent != registry && prefix && (len(c.path) > len(s.path) || c.extent == below)
	default:
		return c.extent == exact && slices.Equal(s.path, c.path)
	}
}

func coversHost(outer, inner string) bool {
	domain, wild := strings.CutPrefix(outer, "*.")
	if !wild || outer == inner {
		return outer == inner
	}
	label, rest, found := strings.Cut(inner, ".")
	return found && label != "*" && rest == domain
}

// best returns the index of the most specific of the scopes that covers c, -1 if
// none does.
func best(scopes []scope, c scope) int {
	found := -1
	for i, s := range scopes {
		if s.covers(c) && (found < 0 || s.rank() > scopes[found].rank()) {
			found = i
		}
	}
	return found
}

// cells are the scopes that have to be told apart: each once, and what lies below
// an exact repository, which its pattern would take along.
func cells(scopes []scope) []scope {
	var all []scope
	add := func(s scope) {
		if !slices.ContainsFunc(all, func(o scope) bool { return o.pattern() == s.pattern() }) {
			all = append(all, s)
		}
	}
	for _, s := range scopes {
		add(s)
		if s.extent == exact {
			add(scope{extent: below, host: s.host, path: s.path, at: s.at})
		}
	}
	return all
}

// prefixScope reads a scope of Ratify's Cosign verifier of the first generation:
// a reference, or a prefix of one. It reports false if it had to be left out.
func prefixScope(at source.Value) (scope, bool) {
	text := at.Text()
	prefix, wild := strings.CutSuffix(text, "*")
	if text == "*" {
		return scope{at: at}, true
	}
	if !wild {
		return exactReference(at, text)
	}
	if repository := strings.TrimRight(prefix, ":@"); repository != prefix {
		at.Add(finding.Note, "covers every tag of the repository; here it also covers the images by digest", "")
		return repositoryScope(at, repository, exact)
	}
	within, slash := strings.CutSuffix(prefix, "/")
	if slash && strings.Contains(within, "/") {
		return repositoryScope(at, within, below)
	}
	if !slash {
		at.Add(finding.Stricter, fmt.Sprintf("%q is a prefix of text to Ratify, so that it also matches %q; here it is %q, by whole names", text, prefix+evil(prefix), prefix), "")
	}
	return repositoryScope(at, within, tree)
}

// evil completes a prefix to what nobody means by it.
func evil(prefix string) string {
	if strings.Contains(prefix, "/") {
		return "-evil/app"
	}
	return ".evil.example/app"
}

// withoutTag reports a scope that Ratify compares with the whole reference,
// which always has a tag or a digest: it matches nothing.
func withoutTag(at source.Value) bool {
	text := at.Text()
	if strings.HasSuffix(text, "*") || strings.ContainsAny(text[strings.LastIndex(text, "/")+1:], ":@$") || !strings.Contains(text, "/") {
		return false
	}
	at.Mistake("matches no image in Ratify, which compares it with the whole reference, tag and all; it was left out", fmt.Sprintf("write %q if that was meant", text+":*"))
	return true
}

// exactReference reads a scope without an asterisk, one tag or digest.
func exactReference(at source.Value, text string) (scope, bool) {
	at.Add(finding.NoCounterpart, "names one tag or digest, and scopes of the bundle are repositories: images of the repository are denied", "write a rule for that image in trust.rego")
	repository, _, _ := strings.Cut(text, "@")
	if colon := strings.LastIndex(repository, ":"); colon > strings.LastIndex(repository, "/") {
		repository = repository[:colon]
	}
	s, ok := repositoryScope(at, repository, exact)
	s.refused = "the Cosign trust policy names one tag or digest of the repository, which has no counterpart"
	return s, ok
}

// repositoryScope reads registry[/repository].
func repositoryScope(at source.Value, text string, e extent) (scope, bool) {
	host, path, hasPath := strings.Cut(text, "/")
	s := scope{extent: e, host: host, at: at}
	if hasPath {
		s.path = strings.Split(path, "/")
	} else {
		s.extent = registry
	}
	if problem := s.problem(); problem != "" {
		at.Mistake(problem+"; it was left out", "write registry.example/team, after variables are replaced")
		return scope{}, false
	}
	return s, true
}

func (s scope) problem() string {
	host := regexp.MustCompile(`^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)
	segment := regexp.MustCompile(`^[a-z0-9]+([._-]+[a-z0-9]+)*$`)
	switch {
	case !host.MatchString(s.host):
		return fmt.Sprintf("%q is not a registry", s.host)
	case !strings.ContainsAny(s.host, ".:") && s.host != "localhost":
		return fmt.Sprintf("%q is not a registry: Docker Hub's is docker.io", s.host)
	}
	for _, p := range s.path {
		if !segment.MatchString(p) {
			return fmt.Sprintf("%q is not part of a repository's name", p)
		}
	}
	return ""
}
