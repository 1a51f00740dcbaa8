// SPDX-License-Identifier: Apache-2.0

// Package standing keeps the resources of a cluster and says what they amount to:
// what trust.rego decides by, the process's configuration, and how each of them is.
//
//	resources ──▶ latest ──translate──▶ findings ──▶ none: in force, and remembered
//	                 ▲                       └─────▶ some: the last good version, or nothing
//	                 └───────── again, until nothing is wrong ─────────┘
//
// One translation is made of all of them, the one of `opa-ratify migrate`. A
// resource that is wrong changes nothing but its own verdict while an earlier
// version is known to be good. Without one it is out of force, and what it would
// judge is denied: a restart must not widen what is admitted.
package standing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
)

// The bounds of what is kept, for a namespace must not take the memory of all.
const (
	maxPerScope = 250 // of a namespace, or of the cluster
	maxObjects  = 2500

	// MaxObjectBytes is of one resource: etcd takes 1.5 MiB, and the largest set of
	// certificates in use has 50 KiB.
	MaxObjectBytes = 512 << 10
)

// Key names a resource.
type Key struct{ Kind, Namespace, Name string }

// Title returns "NamespacedVerifier/team-a/notation", as findings have it.
func (k Key) Title() string {
	return resource.Meta{Kind: k.Kind, Namespace: k.Namespace, Name: k.Name}.Title()
}

// IsResource reports whether a key provider has its name from a resource.
func IsResource(provider string) bool {
	kind, _, _ := strings.Cut(provider, "/")
	return kind == "KeyManagementProvider" || kind == "NamespacedKeyManagementProvider" || kind == "CertificateStore"
}

// State is the resources of a cluster. The zero value has none; it is not for
// concurrent use.
type State struct{ objects map[Key]*object }

// object is one resource.
type object struct {
	latest  []byte // JSON; nil: refused
	good    []byte // the last version that was in force; nil: none was
	refused string // why latest is not kept
}

// Put keeps a resource, JSON without its status, as its latest version; nil is one
// that is too large to be read. It reports false if it is the one that is there.
func (s *State) Put(k Key, raw []byte) bool {
	if s.objects == nil {
		s.objects = map[Key]*object{}
	}
	o := s.objects[k]
	if o == nil {
		o = &object{}
		s.objects[k] = o
	} else if o.refused == "" && string(o.latest) == string(raw) {
		return false
	}
	o.latest, o.refused = slices.Clone(raw), ""
	switch {
	case len(raw) == 0, len(raw) > MaxObjectBytes:
		o.refused = fmt.Sprintf("the resource is larger than the %d bytes that are read of one", MaxObjectBytes)
	case o.good == nil:
		o.refused = s.full(k)
	}
	if o.refused != "" {
		o.latest = nil
	}
	return true
}

// full says why one more resource cannot be kept, "" if it can.
func (s *State) full(k Key) string {
	all, own := 0, 0
	for other, o := range s.objects {
		if other == k || o.latest == nil && o.good == nil {
			continue
		}
		all++
		if other.Namespace == k.Namespace {
			own++
		}
	}
	switch {
	case own >= maxPerScope:
		return fmt.Sprintf("there are %d resources already, of a namespace or of the cluster; more are not read", own)
	case all >= maxObjects:
		return fmt.Sprintf("there are %d resources already; more are not read", all)
	}
	return ""
}

// Delete forgets a resource. It reports false if there was none.
func (s *State) Delete(k Key) bool {
	_, found := s.objects[k]
	delete(s.objects, k)
	return found
}

// Keys lists the resources, sorted by their titles.
func (s *State) Keys() []Key {
	return slices.SortedFunc(maps.Keys(s.objects), func(a, b Key) int { return cmp.Compare(a.Title(), b.Title()) })
}
