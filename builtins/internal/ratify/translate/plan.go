// SPDX-License-Identifier: Apache-2.0

// Package translate turns Ratify's resources into a bundle and the plugin's
// configuration.
//
//	verifiers, providers of keys ──▶ trust documents ──┐
//	scopes, policies, executors  ──▶ policies, conditions ──▶ trust/data.yaml
//	stores                       ──▶ plugins.ratify ──▶ config.yaml
//
// The result decides as Ratify would. Where that cannot be had it denies, and a
// finding says so: nothing is dropped in silence.
package translate

import (
	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// The formats and artifact types of signatures.
const (
	formatNotation = "notation"
	formatCosign   = "cosign"

	typeNotation = "application/vnd.cncf.notary.signature"
	typeCosign   = "application/vnd.dev.cosign.artifact.sig.v1+json"
)

// Options are what a translation needs of the machine it runs on.
type Options struct {
	// Home is what ~ means in a path. "": such paths are left alone.
	Home string
	// Certificates lists the files below a path that Ratify would read
	// certificates from. Required.
	Certificates func(path string) ([]string, error)
	// Configurable says what would keep a configuration from being used, beyond what
	// reading it says. Nil: nothing.
	Configurable func(*config.Config) error
	// Added makes what a namespace has demands besides the cluster's. False: it
	// replaces them there, as in Ratify.
	Added bool
	// Live words findings for the status of resources that are watched, and leaves
	// out stores of namespaces: they would change the whole process.
	Live bool
}

// PluginNotFound begins what is told of verifiers and stores of a type that is not
// known, when resources are watched: Ratify's code and words.
const PluginNotFound = "PLUGIN_NOT_FOUND: plugin not found: "

func (o Options) notFound() string {
	if o.Live {
		return PluginNotFound
	}
	return ""
}

// remedy is what to do about a resource that is wrong.
func (o Options) remedy(otherwise string) string {
	if o.Live {
		return "correct it"
	}
	return otherwise
}

// Plan is a translation.
type Plan struct {
	Documents []*Document
	Policies  []Policy
	Tenants   []Tenant
	// Added: what tenants have adds to the cluster's policies.
	Added bool
	// Aside are files of policies that could not be translated, by name.
	Aside map[string]string

	configuration configuration
}

// Document is a trust document.
type Document struct {
	Name string
	Node *commented.Node
	From string
	// Incomplete says what has to be filled in; "" if nothing.
	Incomplete string
	// Elsewhere reports that part of it is read from files or a key provider.
	Elsewhere bool

	at source.Value
}

// Policy is a policy of the bundle, with the conditions that go with it.
type Policy struct {
	Name     string
	Scopes   []Scope
	Signers  []string // names of documents
	Need     int      // of the signers
	From     string
	Refused  string // why nothing is admitted; "" if something may be
	Demands  []Demand
	Unjudged []Sourced
}

// Scope is a pattern of images and where it came from.
type Scope struct{ Pattern, From string }

// Demand is what the signatures of one format must satisfy besides.
type Demand struct {
	Document string
	Format   string
	Require  string // "all", "any", "none"
	From     string
}

// Sourced is text and where it came from.
type Sourced struct{ Text, From string }

// Tenant is a namespace with policies of its own.
type Tenant struct {
	Namespace string
	Policies  []Policy
}

// translator is one translation under way.
type translator struct {
	Options

	set      *resource.Set
	findings *finding.List
	plan     *Plan
	benches  map[string]bench // by namespace
	names    map[string]bool  // of policies and documents, after the word for which
	used     map[string]bool  // titles of key providers that a verifier names
}

// Translate translates a set. What it has to tell is added to findings.
func Translate(set *resource.Set, o Options, findings *finding.List) *Plan {
	t := &translator{
		Options: o, set: set, findings: findings, plan: &Plan{Added: o.Added, Aside: map[string]string{}},
		benches: map[string]bench{}, names: map[string]bool{}, used: map[string]bool{},
	}
	t.first()
	t.second()
	t.unused()
	t.stores()
	t.settings()
	t.general()
	return t.plan
}

// general tells what holds of every migration with signatures to verify.
func (t *translator) general() {
	nowhere := finding.Place{}
	if len(t.plan.Policies) == 0 && len(t.plan.Tenants) == 0 {
		t.findings.Add(finding.Note, nowhere, "the bundle has no policy: it denies every image", "")
	}
	formats := map[string]bool{}
	for _, d := range t.plan.Documents {
		if d.Name == nobody {
			continue
		}
		for i := 0; i+1 < len(d.Node.Content); i += 2 {
			formats[d.Node.Content[i].Value] = true
		}
	}
	if formats[formatNotation] {
		t.findings.Add(finding.Stricter, nowhere, "OCSP and CRL services at private addresses are not asked", "name their networks in plugins.ratify.outbound.allow")
	}
	if formats[formatCosign] {
		t.findings.Add(finding.Note, nowhere, "Sigstore bundles and signatures kept as OCI 1.1 referrers count too, if the same keys or identities made them; Ratify does not see all of those", "")
	}
}

// unique returns name, or name with a number if another policy, or another
// document, has it.
func (t *translator) unique(kind, name string) string {
	candidate := name
	for n := 2; t.names[kind+candidate]; n++ {
		candidate = numbered(name, n)
	}
	t.names[kind+candidate] = true
	return candidate
}
