// SPDX-License-Identifier: Apache-2.0

// Package resource recognises what a migration reads: Ratify's custom resources
// of both generations, its config.json of both generations, and the values of
// its Helm charts.
//
//	document ──kind──▶ resources, fields as values with their places
//
// Nothing is decided here; a field that nobody reads later is reported.
package resource

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// Meta is what all resources have.
type Meta struct {
	Kind      string // "Verifier", "NamespacedVerifier", …
	Namespace string // "" for the whole cluster
	Name      string
	At        source.Value // the resource
}

// Verifier judges artifacts of some types.
type Verifier struct {
	Meta
	Type          string         // "notation", "cosign", "sbom", …
	ArtifactTypes []source.Value // as a resource lists them, split at commas; "*" is any
	Parameters    source.Value
	// Unusable: nothing of it is in force, and what it would judge is denied.
	Unusable bool
}

// Store is how Ratify reaches registries.
type Store struct {
	Meta
	Type       string // "oras", "registry-store", …
	Parameters source.Value
}

// Policy says which reports must be good.
type Policy struct {
	Meta
	Type       string // "config-policy", "rego-policy", "threshold-policy"
	Parameters source.Value
	// Exhaustive demands that a verifier judges every artifact that is attached,
	// as the Rego of Ratify's chart does.
	Exhaustive bool
	// Unusable: what it demands is not known, and everything is denied.
	Unusable bool
}

// KeyProvider has certificates or keys.
type KeyProvider struct {
	Meta
	Type       string // "inline", "azurekeyvault", …
	Refresh    source.Value
	Parameters source.Value
}

// Executor is what the second generation has in place of all these.
type Executor struct {
	Meta
	Scopes    []source.Value
	Verifiers []Verifier
	Stores    []Store
	Policy    *Policy // nil: nothing ever succeeds
}

// Setting is a setting of plugins.ratify that a resource implies.
type Setting struct {
	Path string // "gatekeeper.timeout"
	Text string // as it is written
	At   source.Value
}

// Set is everything that was recognised.
type Set struct {
	Verifiers    []Verifier
	Stores       []Store
	Policies     []Policy
	KeyProviders []KeyProvider
	Executors    []Executor
	Settings     []Setting

	read []source.Value
}

// Empty reports that there is nothing to migrate.
func (s *Set) Empty() bool {
	return len(s.Verifiers)+len(s.Stores)+len(s.Policies)+len(s.KeyProviders)+len(s.Executors)+len(s.Settings) == 0
}

// Unread notes the fields that were recognised by nobody. Call it when the
// resources have been translated.
func (s *Set) Unread() {
	for _, v := range s.read {
		v.Unread()
	}
}

// Disable takes resources out of force, by their titles: what a verifier would
// judge and what a policy would demand is denied, everything else is left out.
func (s *Set) Disable(titles map[string]bool) {
	for _, v := range s.read {
		if titles[v.Place().From] {
			v.Skip()
		}
	}
	for i := range s.Verifiers {
		s.Verifiers[i].Unusable = titles[s.Verifiers[i].Title()]
	}
	for i := range s.Policies {
		s.Policies[i].Unusable = titles[s.Policies[i].Title()]
	}
	s.Stores = slices.DeleteFunc(s.Stores, func(store Store) bool { return titles[store.Title()] })
	s.KeyProviders = slices.DeleteFunc(s.KeyProviders, func(p KeyProvider) bool { return titles[p.Title()] })
}

// Add recognises a document.
func (s *Set) Add(d source.Document) {
	root := d.Root
	switch {
	case !root.IsMap():
		s.unknown(d)
	case root.Get("apiVersion").Exists() && root.Get("kind").Exists():
		s.object(root)
	case root.Get("executors").IsList():
		s.second(root)
	case root.Get("verifier").Exists() || root.Get("store").Exists() || root.At("policy", "plugin").Exists():
		s.first(root)
	case isSecondChart(root):
		s.secondChart(root)
	case isChart(root):
		s.chart(root)
	default:
		s.unknown(d)
	}
}

func (s *Set) unknown(d source.Document) {
	kind, remedy := finding.Mistake, "give custom resources of Ratify, its config.json, or the values of its chart"
	if d.Listed {
		kind, remedy = finding.Note, ""
	}
	d.Root.Add(kind, "is no custom resource, configuration or chart value of Ratify; it was left out", remedy)
}

// object recognises a Kubernetes object, or a list of them.
func (s *Set) object(root source.Value) {
	kind, group := root.Get("kind").Text(), root.Get("apiVersion").Text()
	if strings.HasSuffix(kind, "List") && root.Get("items").IsList() {
		for _, item := range root.Get("items").List() {
			s.object(item)
		}
		return
	}
	m := Meta{Kind: kind, Name: root.At("metadata", "name").Text(), Namespace: root.At("metadata", "namespace").Text()}
	if !strings.HasPrefix(kind, "Namespaced") && kind != "CertificateStore" {
		m.Namespace = ""
	} else {
		m.Namespace = cmp.Or(m.Namespace, "default")
	}
	m.At = root.Named(m.Title())
	root = m.At
	root.Get("metadata").Skip()
	root.Get("status").Skip()
	group, version, _ := strings.Cut(group, "/")
	switch {
	case group == "config.ratify.deislabs.io":
		known(root, version, "v1alpha1", "v1beta1")
		s.v1(m)
	case group == "config.ratify.dev" || group == "config.ratify.sh":
		known(root, version, "v2alpha1", "v2beta1")
		s.v2(m)
	default:
		foreign(m, group)
	}
}

// Title names a resource as findings do: "NamespacedVerifier/team-a/notation".
func (m Meta) Title() string {
	parts := []string{m.Kind}
	for _, part := range []string{m.Namespace, m.Name} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

// Full is the name by which a resource of another namespace is named: "team-a/akv",
// or "akv" for the whole cluster.
func (m Meta) Full() string { return strings.TrimPrefix(m.Namespace+"/"+m.Name, "/") }

func known(root source.Value, version string, versions ...string) {
	if slices.Contains(versions, version) {
		return
	}
	root.Get("apiVersion").Mistake(fmt.Sprintf("the version %q is not known; the object is read as %s", version, versions[len(versions)-1]),
		"known are "+strings.Join(versions, " and "))
}

// foreign says what becomes of objects that are not Ratify's.
func foreign(m Meta, group string) {
	m.At.Skip()
	switch {
	case m.Kind == "Secret" && group == "v1":
		m.At.Add(finding.NoCounterpart, "a Secret is not read: secrets are never copied",
			"mount it; a pull secret as the file that plugins.ratify.docker_config.path names, public keys and certificates as {file: path}")
	case strings.HasSuffix(group, "gatekeeper.sh"):
		m.At.Add(finding.Note, "belongs to Gatekeeper and stays; a Provider must name the new service", "see builtins/plugin/README.md for the routes")
	default:
		m.At.Add(finding.Note, "is not Ratify's; it was left out", "")
	}
}
