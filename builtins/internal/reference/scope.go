// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"errors"
	"fmt"
	"strings"
)

// Scope is a compiled pattern over registries and repositories. The zero value
// matches nothing. It may be shared between goroutines.
//
// A scope is matched on the parsed registry and on whole path segments, never
// as a prefix of text: "ghcr.io/acme" does not match "ghcr.io.evil.example/acme"
// nor "ghcr.io/acme-evil" (threat: look-alike registries and repositories).
type Scope struct {
	any      bool
	registry []string // labels, first may be "*"; nil for a scope without one
	port     string
	segments []string // may hold "*"; a final "**" matches the rest
}

// ParseScope compiles a pattern:
//
//   - every image
//     registry.example         every repository of that registry
//     *.registry.example       one more host label, "eu.registry.example"
//     registry.example/team    that repository and all below it
//     registry.example/team/*  exactly one more segment
//     registry.example/**/app  refused: ** is for the end
//
// A wildcard stands for one whole host label or one whole path segment and
// never crosses one; "team-*" is refused. The error wraps [ErrInvalid].
func ParseScope(pattern string) (Scope, error) {
	s, err := parseScope(pattern)
	if err != nil {
		return Scope{}, fmt.Errorf("%w: scope %q: %w", ErrInvalid, pattern, err)
	}
	return s, nil
}

func parseScope(pattern string) (Scope, error) {
	if pattern == "*" {
		return Scope{any: true}, nil
	}
	if err := precheck(pattern); err != nil {
		return Scope{}, err
	}
	host, path, hasPath := strings.Cut(pattern, "/")
	if hasPath && path == "" {
		return Scope{}, errors.New("it ends in a slash; leave the slash out or write /* for one segment, /** for all below")
	}
	if strings.Contains(path, "@") || strings.Contains(path, ":") {
		return Scope{}, errors.New("it has a tag or a digest; a scope names repositories")
	}
	s, err := parseScopeHost(host)
	if err != nil || !hasPath {
		return s, err
	}
	s.segments, err = parseScopePath(path)
	return s, err
}

func parseScopeHost(host string) (Scope, error) {
	below, wild := strings.CutPrefix(host, "*.")
	if wild {
		host = "any." + below
	}
	canonical, err := CanonicalRegistry(host)
	if err != nil {
		return Scope{}, err
	}
	if !looksLikeHost(canonical) {
		return Scope{}, fmt.Errorf("it must begin with a registry; for Docker Hub write docker.io/library/%s", host)
	}
	name, port, err := splitPort(canonical)
	if err != nil {
		return Scope{}, err
	}
	labels := strings.Split(name, ".")
	if wild {
		labels[0] = "*"
	}
	return Scope{registry: labels, port: port}, nil
}

func parseScopePath(path string) ([]string, error) {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch {
		case segment == "":
			return nil, errors.New("it has an empty path segment")
		case segment == "**" && i != len(segments)-1:
			return nil, errors.New("** is only allowed at the end")
		case segment == "*" || segment == "**":
		case strings.Contains(segment, "*"):
			return nil, fmt.Errorf("%q mixes text and *; a * stands for one whole segment", segment)
		case strings.ToLower(segment) != segment:
			return nil, fmt.Errorf("%q has upper-case letters; repositories are lower case", segment)
		}
	}
	return segments, nil
}

// Match reports whether r lies in the scope. Tag and digest play no part.
func (s Scope) Match(r Reference) bool {
	if r.Repository == "" {
		return false
	}
	return s.any || s.matchRegistry(r.Registry) && s.matchPath(r.Repository)
}

func (s Scope) matchRegistry(registry string) bool {
	name, port, err := splitPort(registry)
	if err != nil || s.registry == nil || port != s.port {
		return false
	}
	labels := strings.Split(name, ".")
	if len(labels) != len(s.registry) {
		return false
	}
	return equalSegments(s.registry, labels)
}

// matchPath treats a path without wildcard as "this repository and below".
func (s Scope) matchPath(repository string) bool {
	if len(s.segments) == 0 {
		return true
	}
	got := strings.Split(repository, "/")
	want := s.segments
	last := want[len(want)-1]
	if last == "**" {
		want = want[:len(want)-1]
		return len(got) > len(want) && equalSegments(want, got[:len(want)])
	}
	if len(got) < len(want) || last == "*" && len(got) != len(want) {
		return false
	}
	return equalSegments(want, got[:len(want)])
}

func equalSegments(want, got []string) bool {
	for i := range want {
		if want[i] != "*" && want[i] != got[i] {
			return false
		}
	}
	return true
}
