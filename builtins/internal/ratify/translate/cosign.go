// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

const (
	nobody      = "nobody"
	publicGood  = "public-good"
	publicRekor = "https://rekor.sigstore.dev"
)

// keyring is the Cosign trust of some scopes.
type keyring struct {
	scopes   []scope
	document string // "": nobody is trusted
}

// cosign makes one trust document for each trust policy of a Cosign verifier of
// the first generation. It reports false if a scope had to be left out.
func (t *translator) cosign(v resource.Verifier) (rings []keyring, whole bool) {
	policies := v.Parameters.Get("trustPolicies")
	if !policies.Exists() {
		return []keyring{t.legacyCosign(v)}, true
	}
	whole = true
	for i, p := range policies.List() {
		p.Get("version").Text()
		name := p.Get("name").Text()
		if name == "" {
			name = fmt.Sprint(i)
		}
		var ring keyring
		for _, at := range p.Get("scopes").List() {
			if withoutTag(at) {
				continue
			}
			s, ok := prefixScope(at)
			if !ok {
				whole = false
				continue
			}
			ring.scopes = append(ring.scopes, s)
		}
		if !p.Get("scopes").Exists() {
			p.Mistake("has no scopes, which Ratify refuses; it was left out", `add scopes: ["*"]`)
		}
		ring.document = t.trustPolicy(v, p, v.Name+"/"+name)
		rings = append(rings, ring)
	}
	return rings, whole
}

// trustPolicy returns the name of the document, "" if it would trust nobody.
func (t *translator) trustPolicy(v resource.Verifier, p source.Value, name string) string {
	d := t.document(name, p)
	trust := commented.Map()
	var keys []*commented.Node
	for _, entry := range p.Get("keys").List() {
		keys = append(keys, t.keysOf(d, entry, v.Namespace)...)
	}
	if len(keys) > 0 {
		commented.Set(trust, "keys", commented.List(keys...), p.Get("keys").From())
	}
	keyless := p.Get("keyless")
	if keyless.Exists() {
		identity := t.identity(d, keyless, "certificateIdentityRegExp", "certificateOIDCIssuerRegExp")
		if identity == nil {
			t.drop(d)
			return ""
		}
		commented.Set(trust, "identities", commented.List(identity), keyless.From())
	}
	if len(keys) == 0 && !keyless.Exists() {
		p.Mistake("has neither keys nor keyless, which Ratify refuses", "add one of them")
		t.drop(d)
		return ""
	}
	t.log(d, trust, p.Get("tLogVerify"), p.Get("rekorURL"), keyless.Exists())
	if logged := keyless.Get("ctLogVerify"); !logged.Bool(true) {
		commented.Set(trust, "certificate_transparency", commented.Text("ignored", logged.From()), "")
	}
	commented.Set(d.Node, formatCosign, trust, p.From())
	return d.Name
}

// log says whether the transparency log is demanded. Certificates need the
// trusted root in any case.
func (t *translator) log(d *Document, trust *commented.Node, verify, url source.Value, certificates bool) {
	wanted := verify.Bool(true)
	if wanted || certificates {
		commented.Set(trust, "trusted_root", t.trustedRoot(d, url), "")
	}
	if wanted {
		commented.Set(trust, "transparency_log", commented.Text("required", verify.From()), "")
		verify.Add(finding.Stricter, "the proof of the transparency log has to come with the signature; the log is not asked", "sign with a tool that attaches it, as cosign does")
		return
	}
	commented.Set(trust, "transparency_log", commented.Text("ignored", verify.From()), "")
}

func (t *translator) trustedRoot(d *Document, url source.Value) *commented.Node {
	if text := url.Text(); text == "" || text == publicRekor {
		return commented.Text(publicGood, url.From())
	}
	url.Add(finding.NoCounterpart, "a log of one's own is trusted by its trusted root, not by its URL", "write the trusted root in place of the placeholder: {file: trusted_root.json}")
	d.Incomplete = "the trusted root of the log is not known"
	return commented.Text("REPLACE with {file: trusted_root.json}", url.From())
}

// legacyCosign reads a verifier without trust policies: a key for everything.
func (t *translator) legacyCosign(v resource.Verifier) keyring {
	ring := keyring{scopes: []scope{{at: v.At}}}
	key, url := v.Parameters.Get("key"), v.Parameters.Get("rekorURL")
	if key.Text() == "" {
		v.At.Add(finding.NoCounterpart, "has neither trustPolicies nor key: Ratify accepts a certificate of anybody; here nobody is trusted", "write trustPolicies with keyless identities")
		url.Skip()
		return ring
	}
	d := t.document(v.Name, v.At)
	d.Elsewhere = true
	key.Add(finding.Note, "is read where opa-ratify runs", "mount the file there")
	trust := commented.Map(commented.Entry{Key: "keys", Value: commented.List(
		commented.Map(commented.Entry{Key: "file", Value: commented.Text(t.expand(key.Text()), key.From())}),
	)})
	if url.Text() != "" {
		commented.Set(trust, "trusted_root", t.trustedRoot(d, url), "")
		commented.Set(trust, "transparency_log", commented.Text("required", url.From()), "")
	}
	commented.Set(d.Node, formatCosign, trust, v.At.From())
	ring.document = d.Name
	return ring
}

func (t *translator) drop(d *Document) {
	for i, known := range t.plan.Documents {
		if known == d {
			t.plan.Documents = append(t.plan.Documents[:i], t.plan.Documents[i+1:]...)
			return
		}
	}
}

// nobody is a document by which Cosign signatures are seen and none is accepted:
// a verifier of Ratify that trusts nobody still denies what is signed.
func (t *translator) nobody() string {
	for _, d := range t.plan.Documents {
		if d.Name == nobody {
			return d.Name
		}
	}
	t.names["document "+nobody] = true
	d := &Document{
		Name: nobody,
		From: "Ratify's denial of Cosign signatures that it has no key for: here they are seen, and none is accepted",
		Node: commented.Map(commented.Entry{Key: formatCosign, Value: commented.Map(
			commented.Entry{Key: "identities", Value: commented.List(commented.Map(
				commented.Entry{Key: "issuer", Value: commented.Text("https://nobody.invalid", "")},
				commented.Entry{Key: "subject", Value: commented.Text("nobody@nobody.invalid", "")},
			))},
			commented.Entry{Key: "trusted_root", Value: commented.Text(publicGood, "")},
		)}),
	}
	t.plan.Documents = append(t.plan.Documents, d)
	return d.Name
}
