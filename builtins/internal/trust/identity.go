// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

const x509Subject = "x509.subject"

// Identity is one trusted identity of a statement. Read-only.
type Identity struct {
	Text string // as the policy has it: "*" or "x509.subject: C=…, ST=…, O=…"
	name map[string]string
}

// Matches reports whether the certificate's subject has every attribute of the
// identity. It explains verdicts; the verdict is notation-go's.
func (i Identity) Matches(leaf *x509.Certificate) bool {
	if i.Text == wildcardIdentity {
		return true
	}
	subject, err := parseName(leaf.Subject.String())
	if err != nil {
		return false
	}
	for attribute, value := range i.name {
		if subject[attribute] != value {
			return false
		}
	}
	return true
}

// Differences lists what the certificate's subject lacks or has differently,
// "CN=release (is CN=dev)", sorted. It is empty exactly if the identity matches.
func (i Identity) Differences(leaf *x509.Certificate) []string {
	if i.Text == wildcardIdentity {
		return nil
	}
	subject, err := parseName(leaf.Subject.String())
	if err != nil {
		return []string{err.Error()}
	}
	var differences []string
	for _, attribute := range slices.Sorted(maps.Keys(i.name)) {
		want, got := i.name[attribute], subject[attribute]
		switch {
		case got == "":
			differences = append(differences, fmt.Sprintf("%s=%s (is absent)", attribute, want))
		case got != want:
			differences = append(differences, fmt.Sprintf("%s=%s (is %s)", attribute, want, got))
		}
	}
	return differences
}

func (p *parser) identities(texts []string, path string) []Identity {
	var identities []Identity
	for i, text := range texts {
		identity, problem, remedy := parseIdentity(text)
		if problem != "" {
			p.add(index(path, i), problem, remedy)
		}
		identities = append(identities, identity)
	}
	return identities
}

func parseIdentity(text string) (identity Identity, problem, remedy string) {
	const write = `write "x509.subject: C=…, ST=…, O=…", or "*" for every signer the trust stores vouch for`
	if text == wildcardIdentity {
		return Identity{Text: text}, "", ""
	}
	prefix, value, found := strings.Cut(text, ":")
	if !found || prefix != x509Subject {
		return Identity{}, fmt.Sprintf("the trusted identity %q is of no known kind: it could match nobody", text), write
	}
	name, err := parseName(value)
	if err != nil {
		return Identity{}, fmt.Sprintf("the trusted identity %q: %v", text, err), write
	}
	return Identity{Text: text, name: name}, "", ""
}

// parseName reads a distinguished name by the rules of the Notary Project: each
// attribute once, C, ST and O present, S meaning ST.
//
// Spec: Notary Project, trust policy v1.0, "Trusted identities constraints".
func parseName(text string) (map[string]string, error) {
	if strings.Contains(text, "=#") {
		return nil, fmt.Errorf("%q has a hex-encoded value, which the Notary Project does not allow", text)
	}
	dn, err := ldap.ParseDN(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a distinguished name (RFC 4514): %w", text, err)
	}
	name := map[string]string{}
	for _, rdn := range dn.RDNs {
		if len(rdn.Attributes) > 1 {
			return nil, fmt.Errorf("%q has a multi-valued attribute, which the Notary Project does not allow", text)
		}
		for _, a := range rdn.Attributes {
			attribute := a.Type
			if attribute == "S" {
				attribute = "ST"
			}
			if name[attribute] != "" {
				return nil, fmt.Errorf("%q has %s twice", text, attribute)
			}
			name[attribute] = a.Value
		}
	}
	for _, mandatory := range []string{"C", "ST", "O"} {
		if name[mandatory] == "" {
			return nil, fmt.Errorf("%q has no %s; the Notary Project compares only names with C, ST and O", text, mandatory)
		}
	}
	return name, nil
}
