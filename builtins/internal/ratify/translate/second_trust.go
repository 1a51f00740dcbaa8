// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// fixed is where comes from what executors cannot choose.
const fixed = "Ratify v2 (default)"

// secondNotation makes the trust document of a Notation verifier of the second
// generation, whose level is always strict.
//
// Spec: Ratify v2, internal/verifier/notation.
func (t *translator) secondNotation(v resource.Verifier) string {
	d := t.document(v.Name, v.At)
	p := v.Parameters
	stores, names := commented.Map(), commented.List()
	for _, c := range p.Get("certificates").List() {
		kind := "ca"
		if given := c.Get("type"); given.Text() != "" {
			kind = given.Text()
		}
		var materials []*commented.Node
		for _, provider := range c.Pairs() {
			if !strings.EqualFold(provider.Key, "type") {
				materials = append(materials, t.secondCertificates(d, provider, kind)...)
			}
		}
		commented.Set(stores, kind+":ratify", commented.List(materials...), c.From())
		names.Content = append(names.Content, commented.Text(kind+":ratify", c.From()))
	}
	if len(names.Content) == 0 {
		commented.Set(stores, "ca:ratify", commented.List(t.incomplete(d, p, "there are no certificates", "certificate in PEM")), "")
		names.Content = append(names.Content, commented.Text("ca:ratify", p.From()))
	}
	commented.Set(d.Node, formatNotation, commented.Map(
		commented.Entry{Key: "trust_policy", From: fixed, Value: commented.Map(
			commented.Entry{Key: "version", Value: commented.Text("1.0", fixed)},
			commented.Entry{Key: "trustPolicies", Value: commented.List(commented.Map(
				commented.Entry{Key: "name", Value: commented.Text("default", fixed)},
				commented.Entry{Key: "registryScopes", Value: t.listOr(d, p.Get("scopes"), "*")},
				commented.Entry{Key: "signatureVerification", Value: commented.Map(commented.Entry{Key: "level", Value: commented.Text("strict", fixed)})},
				commented.Entry{Key: "trustStores", Value: names},
				commented.Entry{Key: "trustedIdentities", Value: t.listOr(d, p.Get("trustedIdentities"), "*")},
			))},
		)},
		commented.Entry{Key: "trust_stores", Value: stores, From: p.Get("certificates").From()},
	), v.At.From())
	return d.Name
}

func (t *translator) listOr(d *Document, v source.Value, byDefault string) *commented.Node {
	if len(v.List()) == 0 {
		return commented.List(commented.Text(byDefault, v.From()))
	}
	return t.copied(d, v)
}

func (t *translator) secondCertificates(d *Document, provider source.Pair, kind string) []*commented.Node {
	at := provider.Value
	switch strings.ToLower(provider.Key) {
	case "inline":
		return []*commented.Node{t.certificates(d, text(at, "certs", "cert", "certificates"), kind)}
	case "files":
		var materials []*commented.Node
		for _, path := range at.List() {
			materials = append(materials, t.certificateFiles(d, path)...)
		}
		return materials
	case "azurekeyvault":
		return t.secondVault(d, at, "certificates")
	}
	return []*commented.Node{t.unknownProvider(d, resource.KeyProvider{Meta: resource.Meta{At: at}, Type: provider.Key, Parameters: at})}
}

// text reads PEM that is given alone or under one of the keys.
func text(at source.Value, keys ...string) source.Value {
	for _, key := range keys {
		if v := at.Get(key); v.Exists() {
			return v
		}
	}
	return at
}

// secondVault names a vault by the first label of its host.
func (t *translator) secondVault(d *Document, at source.Value, list string) []*commented.Node {
	name := "azurekeyvault"
	if u, err := url.Parse(at.Get("vaultURL").Text()); err == nil && u.Host != "" {
		name, _, _ = strings.Cut(u.Host, ".")
	}
	p := resource.KeyProvider{Meta: resource.Meta{Kind: "azurekeyvault", Name: name, At: at}, Type: "azurekeyvault", Parameters: at}
	return t.listed(d, p, list, nil)
}

// secondCosign makes one trust document for each trust policy of a Cosign
// verifier. A policy without scopes has those of the executor.
//
// Spec: Ratify v2, internal/verifier/cosign.
func (t *translator) secondCosign(v resource.Verifier, executor []scope) []keyring {
	var rings []keyring
	for i, p := range v.Parameters.Get("trustPolicies").List() {
		ring := keyring{scopes: executor}
		if given := p.Get("scopes").List(); len(given) > 0 {
			ring.scopes = nil
			for _, at := range given {
				if s, ok := repositoryScope(at, at.Text(), exact); ok {
					ring.scopes = append(ring.scopes, s)
				}
			}
		}
		ring.document = t.secondTrustPolicy(p, fmt.Sprintf("%s/%d", v.Name, i+1))
		rings = append(rings, ring)
	}
	return rings
}

func (t *translator) secondTrustPolicy(p source.Value, name string) string {
	d := t.document(name, p)
	trust := commented.Map()
	keys := p.Get("keys").Pairs()
	for _, key := range keys {
		commented.Set(trust, "keys", commented.List(t.secondKeys(d, key)...), key.Value.From())
	}
	if len(keys) == 0 {
		identity := t.identity(d, p, "certificateIdentityRegex", "certificateOIDCIssuerRegex")
		if identity == nil {
			t.drop(d)
			return ""
		}
		commented.Set(trust, "identities", commented.List(identity), p.From())
	} else {
		for _, key := range []string{"certificateIdentity", "certificateIdentityRegex", "certificateOIDCIssuer", "certificateOIDCIssuerRegex"} {
			p.Get(key).Text() // with keys Ratify does not look at them
		}
	}
	t.proofs(trust, p, len(keys) == 0)
	commented.Set(d.Node, formatCosign, trust, p.From())
	return d.Name
}

// proofs says which proofs of the time of signing are demanded.
func (t *translator) proofs(trust *commented.Node, p source.Value, certificates bool) {
	tlog, observers, ct := p.Get("ignoreTLog"), p.Get("ignoreObserverTimestamps"), p.Get("ignoreCTLog")
	ignored := tlog.Bool(false)
	if !ignored || certificates || !observers.Bool(false) {
		commented.Set(trust, "trusted_root", commented.Text(publicGood, tlog.From()), "")
	}
	demand := "required"
	if ignored {
		demand = "ignored"
	}
	commented.Set(trust, "transparency_log", commented.Text(demand, tlog.From()), "")
	if ignored && !certificates && !observers.Bool(false) {
		commented.Set(trust, "signed_timestamp", commented.Text("required", observers.From()), "")
		observers.Add(finding.Stricter, "without the log only a timestamp of an authority proves the time of signing", "set ignoreObserverTimestamps: true if signatures have none")
	}
	if ct.Bool(false) && certificates {
		commented.Set(trust, "certificate_transparency", commented.Text("ignored", ct.From()), "")
	}
}

func (t *translator) secondKeys(d *Document, key source.Pair) []*commented.Node {
	switch strings.ToLower(key.Key) {
	case "inline":
		return []*commented.Node{t.publicKey(d, text(key.Value, "keys", "key"))}
	case "azurekeyvault":
		return t.secondVault(d, key.Value, "keys")
	}
	return []*commented.Node{t.unknownProvider(d, resource.KeyProvider{Meta: resource.Meta{At: key.Value}, Type: key.Key, Parameters: key.Value})}
}
