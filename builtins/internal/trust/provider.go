// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// Providers gives trust material by key provider, as the operator configured
// them. It may be called concurrently.
type Providers interface {
	// Names lists the configured providers.
	Names() []string
	// Material returns what a provider has under name: version "" is the newest
	// enabled one. It is asked again to see whether the document is stale.
	Material(provider, name, version string) Provided
}

// Provided is what a key provider has under one name now.
type Provided struct {
	Versions []Version // in force, oldest first
	Absent   []Absent  // why there are not more
}

// Version is one version of a key or certificate.
type Version struct {
	Name string // "" if the provider has no versions
	Raw  []byte // PEM or DER: certificates, or a public key
}

// Absent is trust material that a document names and that is not there.
type Absent struct {
	Message string // which, and why
	// Unseen says that nobody knows the material: the provider could not be
	// asked. False: the provider says that there is none in force.
	Unseen bool
	// Retryable says that asking again may help.
	Retryable bool
}

// Absent returns the material that judging an image of ref would want and that
// is not there.
func (d *Document) Absent(ref reference.Reference) []Absent {
	var s *Statement
	if d.notation != nil {
		s = d.notation.Statement(ref)
	}
	return d.absent(s)
}

// AbsentFor is [Document.Absent] for a blob, judged by the statement of that name.
func (d *Document) AbsentFor(statement string) []Absent {
	var s *Statement
	if d.notation != nil {
		s = d.notation.Named(statement)
	}
	return d.absent(s)
}

func (d *Document) absent(s *Statement) []Absent {
	var all []Absent
	if s != nil {
		for _, kind := range []string{TypeCA, TypeSigningAuthority, TypeTSA} {
			for _, store := range s.StoresOf(kind) {
				all = append(all, store.Absent...)
			}
		}
	}
	if d.cosign != nil {
		all = append(all, d.cosign.Absent...)
	}
	return all
}

// provide asks a provider and makes the document stale when its answer changes.
// What it has and cannot be used is absent too: it is the operator's to mend, and
// the document's other material counts meanwhile. It reports false after a
// problem.
func (p *parser) provide(o map[string]any, path string) (Provided, bool) {
	provider, name, version := text(o, "provider"), text(o, "name"), text(o, "version")
	var known []string
	if p.loader.Providers != nil {
		known = p.loader.Providers.Names()
	}
	if !slices.Contains(known, provider) {
		p.add(key(path, "provider"), fmt.Sprintf("there is no key provider %q; configured in plugins.ratify.key_providers: %s", provider, quoted(known)), "")
		return Provided{}, false
	}
	ask := func() Provided { return p.loader.Providers.Material(provider, name, version) }
	got := ask()
	was := got.fingerprint()
	p.loader.watch.live = append(p.loader.watch.live, func() bool { return ask().fingerprint() != was })
	what := provided(o, version)
	got.Absent = slices.Clone(got.Absent) // the provider's own, which others are reading
	for i := range got.Absent {
		got.Absent[i].Message = what + ": " + got.Absent[i].Message
	}
	return fitting(got, what), true
}

// provided names material for a message.
func provided(o map[string]any, version string) string {
	what := fmt.Sprintf("key provider %q: %q", text(o, "provider"), text(o, "name"))
	if version != "" {
		what += fmt.Sprintf(" version %q", version)
	}
	return what
}

// fitting moves what is too large to the absent.
func fitting(got Provided, what string) Provided {
	for _, v := range got.Versions {
		if len(v.Raw) > maxMaterial {
			got.Absent = append(got.Absent, unusable(what, fmt.Errorf("it has %d bytes, at most %d are allowed", len(v.Raw), maxMaterial)))
		}
	}
	got.Versions = slices.DeleteFunc(slices.Clone(got.Versions), func(v Version) bool { return len(v.Raw) > maxMaterial })
	return got
}

func unusable(what string, err error) Absent {
	return Absent{Message: what + ": " + strings.TrimPrefix(err.Error(), "trust document: ")}
}

// fingerprint tells one answer from another. Messages do not count: they hold
// request ids.
func (g Provided) fingerprint() [sha256.Size]byte {
	h := sha256.New()
	writeSized(h, binary.BigEndian.AppendUint64(nil, uint64(len(g.Versions))))
	for _, v := range g.Versions {
		writeSized(h, []byte(v.Name))
		writeSized(h, v.Raw)
	}
	for _, a := range g.Absent {
		writeSized(h, fmt.Append(nil, a.Unseen, a.Retryable))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// providedCertificates are the anchors among what a provider has for a trust
// store. A key service holds the chain of a signer: its authorities count, and
// the signer's own certificate only if it signed itself. Or it holds the signer's
// public key, which goes to the store.
func (p *parser) providedCertificates(o map[string]any, path string, s *Store) []*x509.Certificate {
	got, ok := p.provide(o, path)
	if !ok {
		return nil
	}
	var certificates []*x509.Certificate
	for _, v := range got.Versions {
		if s.takesKeys() && bytes.HasPrefix(bytes.TrimSpace(v.Raw), []byte("-----BEGIN PUBLIC KEY-----")) {
			found, err := versionKeys(o, v)
			if err != nil {
				got.Absent = append(got.Absent, unusable(provided(o, v.Name), err))
			}
			s.Keys = append(s.Keys, found...)
			continue
		}
		anchors, err := anchorsOf(v.Raw, strings.HasPrefix(s.Name, TypeTSA+":"))
		if err != nil {
			got.Absent = append(got.Absent, unusable(provided(o, v.Name), err))
		}
		certificates = append(certificates, anchors...)
	}
	s.Absent = append(s.Absent, got.Absent...)
	return certificates
}

func anchorsOf(raw []byte, rootsOnly bool) ([]*x509.Certificate, error) {
	chain, err := certificatesOf(raw)
	if err != nil {
		return nil, err
	}
	anchors := slices.DeleteFunc(chain, func(c *x509.Certificate) bool {
		return rootsOnly && !isRoot(c) || !c.IsCA && !isSelfSigned(c)
	})
	if len(anchors) == 0 {
		return nil, &Error{Problem: "none of its certificates is of an authority or signed itself: the authority is missing from the chain"}
	}
	return anchors, nil
}

// providedKeys are the public keys that a provider has.
func (p *parser) providedKeys(o map[string]any, path string) ([]Key, []Absent) {
	got, ok := p.provide(o, path)
	if !ok {
		return nil, nil
	}
	var keys []Key
	for _, v := range got.Versions {
		found, err := versionKeys(o, v)
		if err != nil {
			got.Absent = append(got.Absent, unusable(provided(o, v.Name), err))
		}
		keys = append(keys, found...)
	}
	return keys, got.Absent
}

// versionKeys are the keys of one version.
func versionKeys(o map[string]any, v Version) ([]Key, error) {
	parsed, err := parsePublicKeys(v.Raw, true)
	if err != nil {
		return nil, err
	}
	keys := newKeys(parsed)
	for i := range keys {
		keys[i].Name, keys[i].Version = text(o, "name"), v.Name
	}
	return keys, nil
}
