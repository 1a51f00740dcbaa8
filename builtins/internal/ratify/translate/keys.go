// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// keyProvider finds a provider that a verifier of a namespace may use: one of
// the cluster by its name, one of the own namespace as namespace/name. The
// deprecated CertificateStores come second and may lie anywhere.
func (t *translator) keyProvider(name, namespace string) (resource.KeyProvider, bool) {
	var old *resource.KeyProvider
	for i, p := range t.set.KeyProviders {
		full := p.Full()
		switch {
		case p.Kind == "CertificateStore":
			if full == name || p.Name == name {
				old = &t.set.KeyProviders[i]
			}
		case full == name && (p.Namespace == "" || p.Namespace == namespace):
			t.used[p.Title()] = true
			return p, true
		}
	}
	if old != nil {
		t.used[old.Title()] = true
		return *old, true
	}
	return resource.KeyProvider{}, false
}

// provided returns the certificates of a provider for a store.
func (t *translator) provided(d *Document, name source.Value, storeType, namespace string) []*commented.Node {
	p, found := t.keyProvider(name.Text(), namespace)
	if !found {
		return []*commented.Node{t.missingProvider(d, name)}
	}
	switch p.Type {
	case "inline":
		if kind := p.Parameters.Get("contentType").Text(); kind == "key" {
			return []*commented.Node{t.incomplete(d, d.at, p.Title()+" has a key, not a certificate", "certificate in PEM")}
		}
		return []*commented.Node{t.certificates(d, p.Parameters.Get("value"), storeType)}
	case "azurekeyvault":
		return t.listed(d, p, "certificates", nil)
	}
	return []*commented.Node{t.unknownProvider(d, p)}
}

// unused reads the providers that no verifier names: what is wrong with them is to
// be known before one does.
func (t *translator) unused() {
	for _, p := range t.set.KeyProviders {
		if t.used[p.Title()] {
			continue
		}
		d := &Document{Name: p.Title()}
		switch {
		case p.Type == "inline" && p.Parameters.Get("contentType").Text() == "key":
			t.publicKey(d, p.Parameters.Get("value"))
		case p.Type == "inline":
			t.certificates(d, p.Parameters.Get("value"), "ca")
		case p.Type == "azurekeyvault":
			t.keyVault(d, p)
		default:
			t.unknownProvider(d, p)
		}
		p.At.Add(finding.Note, "is named by no verifier", "")
	}
}

// keysOf returns the entries of cosign.keys for one entry of a trust policy.
func (t *translator) keysOf(d *Document, entry source.Value, namespace string) []*commented.Node {
	if file := entry.Get("file"); file.Text() != "" {
		d.Elsewhere = true
		file.Add(finding.Note, "is read where opa-ratify runs", "mount the file there")
		return []*commented.Node{commented.Map(commented.Entry{Key: "file", Value: commented.Text(t.expand(file.Text()), file.From())})}
	}
	name := entry.Get("provider")
	p, found := t.keyProvider(name.Text(), namespace)
	if !found {
		return []*commented.Node{t.missingProvider(d, name)}
	}
	switch p.Type {
	case "inline":
		if kind := p.Parameters.Get("contentType"); kind.Text() != "key" {
			return []*commented.Node{t.incomplete(d, d.at, p.Title()+" has a certificate, not a key", "public key in PEM")}
		}
		return []*commented.Node{commented.Map(
			commented.Entry{Key: "key", Value: t.publicKey(d, p.Parameters.Get("value"))},
			commented.Entry{Key: "name", Value: commented.Text(p.Name, p.At.From())},
		)}
	case "azurekeyvault":
		wanted := entry
		return t.listed(d, p, "keys", &wanted)
	}
	return []*commented.Node{t.unknownProvider(d, p)}
}

// providerName is what trust documents call a key provider. Of resources that are
// watched it has the kind, which no provider of the operator's has.
func (t *translator) providerName(p resource.KeyProvider) string {
	if t.Live {
		return p.Title()
	}
	return p.Full()
}

// listed returns what a key vault lists, by name and version; of keys only the
// one that entry wants, if it wants one.
func (t *translator) listed(d *Document, p resource.KeyProvider, list string, entry *source.Value) []*commented.Node {
	d.Elsewhere = true
	name, wrong := t.keyVault(d, p)
	if wrong != "" {
		d.Incomplete = p.Title() + ": " + wrong
		return []*commented.Node{commented.Text("REPLACE with a certificate or key in PEM", p.At.From())}
	}
	var materials []*commented.Node
	for _, item := range p.Parameters.Get(list).List() {
		if entry != nil && !wants(*entry, item) {
			continue
		}
		materials = append(materials, t.reference(d, name, p.At, item))
	}
	if len(materials) == 0 {
		return []*commented.Node{t.incomplete(d, d.at, fmt.Sprintf("%s lists no such %s", p.Title(), strings.TrimSuffix(list, "s")), "reference {provider, name, version}")}
	}
	return materials
}

// reference is {provider, name, version}; no version is the current one.
func (t *translator) reference(d *Document, provider string, at, item source.Value) *commented.Node {
	name, version := item.Get("name"), item.Get("version")
	t.variables(d, name)
	t.variables(d, version)
	m := commented.Map(
		commented.Entry{Key: "provider", Value: commented.Text(provider, at.From())},
		commented.Entry{Key: "name", Value: commented.Text(name.Text(), name.From())},
	)
	if version.Text() != "" {
		commented.Set(m, "version", commented.Text(versionOf(version.Text()), version.From()), "")
	}
	return m
}

func wants(entry, item source.Value) bool {
	name, version := entry.Get("name").Text(), entry.Get("version").Text()
	return (name == "" || name == item.Get("name").Text()) && (version == "" || versionOf(version) == versionOf(item.Get("version").Text()))
}

func (t *translator) missingProvider(d *Document, name source.Value) *commented.Node {
	return t.incomplete(d, name, fmt.Sprintf("the key management provider %q is not there, is not valid, or may not be used from there", cmp.Or(name.Text(), "(no name)")), "certificate or key in PEM")
}

func (t *translator) unknownProvider(d *Document, p resource.KeyProvider) *commented.Node {
	p.Parameters.Skip()
	p.At.Add(finding.NoCounterpart, t.notFound()+fmt.Sprintf("the type %q of providers is not known here", p.Type), "put the certificate or key into the bundle")
	d.Incomplete = "the type of a key management provider is not known"
	return commented.Text("REPLACE with a certificate or key in PEM", p.At.From())
}
