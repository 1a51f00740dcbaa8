// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/notaryproject/notation-go/verifier/truststore"
)

// The types of trust stores, as they begin a store's name.
const (
	TypeCA               = string(truststore.TypeCA)
	TypeSigningAuthority = string(truststore.TypeSigningAuthority)
	TypeTSA              = string(truststore.TypeTSA)
)

const writeAList = `write a list, ["-----BEGIN CERTIFICATE-----…"] or [{"file": "/path/ca.pem"}]`

func (p *parser) stores(v any, path string) map[string]*Store {
	stores := map[string]*Store{}
	o, ok := v.(map[string]any)
	if !ok {
		p.add(path, "it is "+kind(v)+", not an object", `write {"ca:name": [material, …]}`)
		return stores
	}
	for _, name := range sortedKeys(o) {
		at := key(path, name)
		p.storeName(name, at)
		stores[name] = p.store(o[name], at, name)
	}
	return stores
}

func (p *parser) storeName(name, path string) {
	if problem := validStoreName(name); problem != "" {
		p.add(path, problem, `write type:name, "ca:acme"; the types are ca, signingAuthority and tsa`)
	}
}

// validStoreName returns what is wrong with the name of a trust store, or "".
func validStoreName(name string) string {
	kind, rest, found := strings.Cut(name, ":")
	switch {
	case !found:
		return fmt.Sprintf("the store's name %q has no type", name)
	case kind != TypeCA && kind != TypeSigningAuthority && kind != TypeTSA:
		return fmt.Sprintf("%q is not a type of trust store", kind)
	case rest == "" || rest == "." || rest == ".." || strings.ContainsFunc(rest, notInStoreName):
		return fmt.Sprintf("%q is not a name of a trust store: letters, digits, and _ . -", rest)
	}
	return ""
}

// notInStoreName: a name is also that of a folder.
//
// Spec: Notary Project, trust store v1.0: named stores match [a-zA-Z0-9_.-]+.
func notInStoreName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '.' && r != '-'
}

func (p *parser) store(v any, path, name string) *Store {
	list, ok := p.array(v, path, writeAList)
	if ok && len(list) == 0 {
		p.add(path, "the trust store is empty", writeAList)
	}
	s := &Store{Name: name}
	for i, m := range list {
		at := index(path, i)
		loaded := p.material(m, at, s)
		if strings.HasPrefix(name, TypeTSA+":") {
			p.onlyRoots(loaded, at)
		}
		s.Certificates = append(s.Certificates, loaded...)
	}
	if s.Empty() && len(s.Absent) > 0 {
		s.Missing = s.Absent[0].Message
	}
	return s
}

// onlyRoots: a timestamp's chain is built by us and must end in a root, so that
// anything else in such a store could never vouch.
//
// Spec: Notary Project, trust store v1.0: tsa stores hold root certificates.
func (p *parser) onlyRoots(certificates []*x509.Certificate, path string) {
	for _, c := range certificates {
		if !isRoot(c) {
			p.add(path, fmt.Sprintf("%q is not a root certificate, and tsa stores hold only roots", c.Subject), "put the root of the timestamp authority there")
		}
	}
}

// isRoot reports whether a certificate is an authority that signed itself.
func isRoot(c *x509.Certificate) bool {
	return string(c.RawSubject) == string(c.RawIssuer) && c.CheckSignatureFrom(c) == nil
}

// isSelfSigned also covers a signer without an authority.
func isSelfSigned(c *x509.Certificate) bool {
	return string(c.RawSubject) == string(c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
