// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"time"
)

// Options is how [Parse] and [FromNotation] reach material outside the
// document. The zero value reads files and knows no key providers.
type Options struct {
	// Providers answers {"provider": …} material. Nil: there are none.
	Providers Providers
	// ReadFile returns the bytes of a {"file": …}. Nil: a regular file of at
	// most 1 MiB is read from disk.
	ReadFile func(path string) ([]byte, error)
	// PublicGood returns the trusted root of Sigstore's public instance, as
	// JSON. It answers from memory. Nil: the copy in this binary.
	PublicGood func() []byte
	// Now is the clock of [Document.Stale]. Nil: time.Now.
	Now func() time.Time
}

// Parse compiles a trust document.
//
// raw is the document as JSON. The error joins one [Error] per problem; with an
// error there is no document.
func Parse(raw []byte, o Options) (*Document, error) {
	tree, err := decodeTree(raw)
	if err != nil {
		return nil, err
	}
	p := parser{loader: newLoader(o)}
	d := p.document(tree)
	if err := p.join(); err != nil {
		return nil, err
	}
	d.seal(tree)
	return d, nil
}

const writeDocument = `write {"notation": {"trust_policy": …, "trust_stores": …}} or {"cosign": {"keys": […]}}`

// parser walks a decoded document and notes every problem.
type parser struct {
	problems
	loader *loader
}

func (p *parser) document(tree any) *Document {
	d := &Document{files: p.loader.watch}
	top, ok := tree.(map[string]any)
	if !ok {
		p.add("", "it is "+kind(tree)+", not an object", writeDocument)
		return d
	}
	notation, hasNotation := top["notation"]
	cosign, hasCosign := top["cosign"]
	if !hasNotation && !hasCosign {
		p.add("", `it has neither "notation" nor "cosign": it trusts nobody`, writeDocument)
	}
	p.object(tree, "", "notation", "cosign")
	if hasNotation {
		d.notation = p.notation(notation, "notation")
	}
	if hasCosign {
		d.cosign = p.cosign(cosign, "cosign")
	}
	return d
}

func (p *parser) notation(v any, path string) *Notation {
	o, _ := p.object(v, path, "trust_policy", "trust_stores")
	if o == nil {
		return nil
	}
	missing := false
	for _, required := range []struct{ name, remedy string }{
		{"trust_policy", `write {"version": "1.0", "trustPolicies": […]}, as in trustpolicy.json`},
		{"trust_stores", `write {"ca:name": ["-----BEGIN CERTIFICATE-----…"]}, or {} if every statement skips`},
	} {
		if _, found := o[required.name]; !found {
			p.add(key(path, required.name), "it is missing", required.remedy)
			missing = true
		}
	}
	if missing {
		return nil
	}
	n := &Notation{stores: p.stores(o["trust_stores"], key(path, "trust_stores"))}
	n.statements = p.policy(o["trust_policy"], key(path, "trust_policy"), n.stores)
	return n
}
