// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// Document is a compiled trust document. It is immutable and may be shared
// between goroutines; what its methods return is read-only.
type Document struct {
	hash     string
	notation *Notation
	cosign   *Cosign
	files    *watch
}

// Hash returns 64 hex digits over the canonical text of the document and the
// certificates, keys and trusted root it loaded: the key under which outcomes may
// be kept.
func (d *Document) Hash() string { return d.hash }

// Stale reports whether a file that the document read, or the public-good
// trusted root, has changed since. They are looked at no more than once a second.
func (d *Document) Stale() bool { return d.files.stale() }

// Notation returns what the document says about Notary Project signatures, nil
// if it does not trust that format.
func (d *Document) Notation() *Notation { return d.notation }

// Notation is the compiled notation part of a trust document.
type Notation struct {
	statements []*Statement
	stores     map[string]*Store
}

// Statement returns the one that applies to ref, nil if none does. A statement
// that names the repository comes before the one with "*".
//
// Spec: Notary Project, trust policy v1.0, "Selecting a trust policy based on
// artifact URI".
func (n *Notation) Statement(ref reference.Reference) *Statement {
	var wildcard *Statement
	for _, s := range n.statements {
		switch {
		case s.covers(ref.Name()):
			return s
		case s.covers(wildcardScope):
			wildcard = s
		}
	}
	return wildcard
}

// Named returns the statement called name, nil if there is none. "" is the one
// for every repository: it judges what lies in none.
func (n *Notation) Named(name string) *Statement {
	for _, s := range n.statements {
		if s.Name == name || name == "" && s.covers(wildcardScope) {
			return s
		}
	}
	return nil
}

// Names returns the names of all statements.
func (n *Notation) Names() []string {
	var names []string
	for _, s := range n.statements {
		names = append(names, s.Name)
	}
	return names
}

// Scopes returns every registry scope of the trust policy, canonical.
func (n *Notation) Scopes() []string {
	var scopes []string
	for _, s := range n.statements {
		scopes = append(scopes, s.Scopes...)
	}
	return scopes
}

// Store returns the trust store called name, "ca:acme", nil if there is none.
func (n *Notation) Store(name string) *Store { return n.stores[name] }

// Store is a named set of certificates.
type Store struct {
	Name         string // type and name, "ca:acme"
	Certificates []*x509.Certificate
	// Keys are public keys of key providers; see [Store.Anchors].
	Keys []Key
	// Missing says why there are no certificates. Only Notation's directory may
	// name a store it does not have, where each image asks for its own, and key
	// providers.
	Missing string
	// Absent are certificates that key providers were to give and do not.
	Absent []Absent
}

// seal computes the hash. Lengths are written before contents so that no two
// documents share one text.
func (d *Document) seal(tree any) {
	h := sha256.New()
	text, err := json.Marshal(tree) // keys are sorted
	if err != nil {
		panic("trust: marshal decoded JSON: " + err.Error())
	}
	writeSized(h, text)
	if d.notation != nil {
		for _, name := range sortedKeys(d.notation.stores) {
			store := d.notation.stores[name]
			writeSized(h, []byte(name))
			writeSized(h, binary.BigEndian.AppendUint64(nil, uint64(len(store.Certificates))))
			writeSized(h, binary.BigEndian.AppendUint64(nil, uint64(len(store.Keys))))
			for _, c := range store.Certificates {
				writeSized(h, c.Raw)
			}
			for _, k := range store.Keys {
				writeSized(h, k.spki)
			}
			writeAbsent(h, store.Absent)
		}
	}
	if d.cosign != nil {
		for _, k := range d.cosign.Keys {
			writeSized(h, k.spki)
			writeSized(h, []byte(k.Version))
		}
		writeAbsent(h, d.cosign.Absent)
		writeSized(h, d.cosign.source)
	}
	d.hash = hex.EncodeToString(h.Sum(nil))
}

// writeAbsent: a verdict may rest on what was not there.
func writeAbsent(h hash.Hash, absent []Absent) {
	writeSized(h, binary.BigEndian.AppendUint64(nil, uint64(len(absent))))
	for _, a := range absent {
		writeSized(h, fmt.Append(nil, a.Message, a.Unseen, a.Retryable))
	}
}

func writeSized(h hash.Hash, b []byte) {
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
	h.Write(b)
}
