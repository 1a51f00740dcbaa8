// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// v1 recognises a custom resource of the first generation.
//
// Spec: Ratify v1.4, api/v1beta1.
func (s *Set) v1(m Meta) {
	spec := m.At.Get("spec")
	s.read = append(s.read, m.At)
	switch strings.TrimPrefix(m.Kind, "Namespaced") {
	case "Verifier":
		v := verifier(m, spec)
		v.Parameters = spec.Get("parameters")
		s.Verifiers = append(s.Verifiers, v)
	case "Store":
		plugin(spec)
		s.Stores = append(s.Stores, Store{Meta: m, Type: spec.Get("name").Text(), Parameters: spec.Get("parameters")})
	case "Policy":
		kind := cmp.Or(spec.Get("type").Text(), spec.Get("name").Text()) // name in v1alpha1
		s.Policies = append(s.Policies, Policy{Meta: m, Type: policyType(kind), Parameters: spec.Get("parameters")})
	case "KeyManagementProvider":
		s.KeyProviders = append(s.KeyProviders, KeyProvider{
			Meta: m, Type: spec.Get("type").Text(), Refresh: spec.Get("refreshInterval"), Parameters: spec.Get("parameters"),
		})
	case "CertificateStore":
		s.KeyProviders = append(s.KeyProviders, KeyProvider{Meta: m, Type: spec.Get("provider").Text(), Parameters: spec.Get("parameters")})
	default:
		m.At.Skip()
		m.At.Add(finding.NoCounterpart, fmt.Sprintf("the kind %s is not known; it was not migrated", m.Kind), "")
	}
}

// verifier reads what a custom resource and config.json have alike.
func verifier(m Meta, v source.Value) Verifier {
	plugin(v)
	name := v.Get("name").Text()
	m.Name = cmp.Or(m.Name, name)
	out := Verifier{Meta: m, Type: cmp.Or(v.Get("type").Text(), name), Parameters: v}
	types := v.Get("artifactTypes")
	for t := range strings.SplitSeq(types.Text(), ",") {
		if t = strings.TrimSpace(t); t != "" {
			out.ArtifactTypes = append(out.ArtifactTypes, types.As(t))
		}
	}
	return out
}

// plugin reads where an executable comes from. Nothing is executed here.
func plugin(v source.Value) {
	v.Get("version").Text()
	for _, key := range []string{"address", "source"} {
		if at := v.Get(key); at.Exists() && (!at.IsText() || at.Text() != "") {
			at.Skip()
			at.Add(finding.Note, "names an executable; nothing is executed or downloaded here", "")
		}
	}
}

// first recognises config.json of the first generation.
func (s *Set) first(root source.Value) {
	s.read = append(s.read, root)
	for _, v := range plugins(root, "verifier") {
		s.Verifiers = append(s.Verifiers, verifier(Meta{Kind: "verifier", At: v}, v))
	}
	for _, v := range plugins(root, "store") {
		plugin(v)
		name := v.Get("name").Text()
		s.Stores = append(s.Stores, Store{Meta: Meta{Kind: "store", Name: name, At: v}, Type: name, Parameters: v})
	}
	if p := root.Get("policy"); p.Exists() {
		p.Get("version").Text()
		v := p.Get("plugin")
		name := v.Get("name").Text()
		s.Policies = append(s.Policies, Policy{Meta: Meta{Kind: "policy", Name: name, At: v}, Type: policyType(name), Parameters: v})
	}
	s.milliseconds("gatekeeper.timeout", root.At("executor", "verificationRequestTimeout"))
	s.milliseconds("gatekeeper.mutation_timeout", root.At("executor", "mutationRequestTimeout"))
	s.revocation(root.At("crl", "cache", "enabled"))
	deployment(root.Get("logger"), "OPA's own: --log-level and --log-format of opa-ratify run")
}

// plugins returns the plugins of a section, whose own version and folders are
// those of executables.
func plugins(root source.Value, section string) []source.Value {
	at := root.Get(section)
	at.Get("version").Text()
	at.Get("pluginBinDirs").Skip()
	return at.Get("plugins").List()
}

// policyType reads the names of config.json, configPolicy and regoPolicy.
func policyType(name string) string {
	switch strings.ToLower(strings.ReplaceAll(name, "-", "")) {
	case "configpolicy":
		return "config-policy"
	case "regopolicy":
		return "rego-policy"
	}
	return name
}

func (s *Set) milliseconds(path string, at source.Value) {
	if n, ok := at.Int(); ok && n > 0 {
		s.Settings = append(s.Settings, Setting{Path: path, Text: fmt.Sprintf("%dms", n), At: at})
	}
}

// revocation: without Ratify's cache of CRLs nothing is kept.
func (s *Set) revocation(enabled source.Value) {
	if !enabled.Bool(true) {
		s.Settings = append(s.Settings, Setting{Path: "revocation.cache_bytes", Text: "0", At: enabled})
	}
}

// deployment notes what is no matter of a bundle.
func deployment(v source.Value, where string) {
	if v.Exists() {
		v.Skip()
		v.Add(finding.Note, "is no matter of a bundle", where)
	}
}
