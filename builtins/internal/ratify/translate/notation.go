// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// document starts a trust document with a name of its own.
func (t *translator) document(name string, at source.Value) *Document {
	d := &Document{Name: t.unique("document ", name), Node: commented.Map(), From: at.From(), at: at}
	t.plan.Documents = append(t.plan.Documents, d)
	return d
}

// notation makes the trust document of a Notation verifier of the first
// generation: the trust policy verbatim, and the stores it names.
func (t *translator) notation(v resource.Verifier) string {
	d := t.document(v.Name, v.At)
	doc := v.Parameters.Get("trustPolicyDoc")
	if !doc.Exists() {
		d.Incomplete = "there is no trustPolicyDoc"
		v.Parameters.Mistake("has no trustPolicyDoc; Ratify verifies nothing without", "add one")
	}
	stores := commented.Map()
	for _, policy := range doc.Get("trustPolicies").List() {
		t.level(policy)
		for _, name := range policy.Get("trustStores").List() {
			if !slices.ContainsFunc(stores.Content, func(k *commented.Node) bool { return k.Value == name.Text() }) {
				commented.Set(stores, name.Text(), commented.List(t.store(d, v, name)...), name.From())
			}
		}
	}
	commented.Set(d.Node, formatNotation, commented.Map(
		commented.Entry{Key: "trust_policy", Value: t.copied(d, doc), From: doc.From()},
		commented.Entry{Key: "trust_stores", Value: stores, From: v.Parameters.Get("verificationCertStores").From()},
	), v.At.From())
	return d.Name
}

// level tells where levels mean something else.
func (t *translator) level(policy source.Value) {
	if level := policy.At("signatureVerification", "level"); level.Text() == "skip" {
		level.Add(finding.Stricter, "Ratify admits without looking; here what is not verified is denied", "exempt the images in trust.rego")
	}
}

// store returns the materials of a trust store, "ca:certs". One that is not among
// the stores has the certificates of the files.
func (t *translator) store(d *Document, v resource.Verifier, name source.Value) []*commented.Node {
	kind, bare, _ := strings.Cut(name.Text(), ":")
	for _, named := range storesOf(v.Parameters.Get("verificationCertStores"), kind) {
		if named.Key != bare {
			continue
		}
		var materials []*commented.Node
		for _, provider := range named.Value.List() {
			materials = append(materials, t.provided(d, provider, kind, v.Namespace)...)
		}
		return materials
	}
	return t.files(d, v, name)
}

// storesOf reads both shapes: {ca: {name: [provider]}}, and {name: [provider]},
// which are CAs.
func storesOf(v source.Value, kind string) []source.Pair {
	var typed, legacy []source.Pair
	isTyped := false
	for _, p := range v.Pairs() {
		if p.Value.IsMap() {
			isTyped = true
			if p.Key == kind {
				typed = p.Value.Pairs()
			}
			continue
		}
		if kind == "ca" {
			legacy = append(legacy, p)
		}
	}
	if isTyped {
		return typed
	}
	return legacy
}

// files returns the certificates of verificationCerts, paths of files or folders.
func (t *translator) files(d *Document, v resource.Verifier, store source.Value) []*commented.Node {
	paths := v.Parameters.Get("verificationCerts")
	var materials []*commented.Node
	for _, path := range paths.List() {
		materials = append(materials, t.certificateFiles(d, path)...)
	}
	if len(materials) == 0 {
		return []*commented.Node{t.incomplete(d, store, fmt.Sprintf("%s is in no verificationCertStores, and there are no verificationCerts", store.Text()), "certificate in PEM")}
	}
	paths.Add(finding.Note, "Ratify also trusts what lies in ~/.ratify/ratify-certs/notation/truststore; here only what is written counts", "")
	return materials
}

func (t *translator) certificateFiles(d *Document, path source.Value) []*commented.Node {
	names, err := t.Certificates(t.expand(path.Text()))
	if err != nil || len(names) == 0 {
		path.Add(finding.NoCounterpart, "is a path that cannot be read here; a store names each file", "replace the placeholder in trust/data.yaml by the files")
		d.Incomplete = "the files of certificates are not known"
		return []*commented.Node{commented.Text("REPLACE with a certificate, or {file: …}", path.From())}
	}
	d.Elsewhere = true
	var materials []*commented.Node
	for _, name := range names {
		materials = append(materials, commented.Map(commented.Entry{Key: "file", Value: commented.Text(name, path.From())}))
	}
	return materials
}

// expand replaces ~ as Ratify does.
func (t *translator) expand(path string) string {
	if rest, home := strings.CutPrefix(path, "~/"); home && t.Home != "" {
		return strings.TrimSuffix(t.Home, "/") + "/" + rest
	}
	return path
}
