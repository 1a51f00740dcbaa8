// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/notaryproject/notation-go/verifier/trustpolicy"
)

// policy compiles a Notary Project trust policy document. Notation's own
// validation decides what is valid; what goes beyond it makes an error out of
// what could only ever fail at every verification.
func (p *parser) policy(v any, path string, stores map[string]*Store) []*Statement {
	before := len(p.problems)
	doc, ok := p.policyShape(v, path)
	if !ok {
		return nil
	}
	var statements []*Statement
	for i := range doc.TrustPolicies {
		statements = append(statements, p.statement(&doc, i, index(key(path, "trustPolicies"), i), stores))
	}
	if len(p.problems) == before {
		p.whole(doc, path)
	}
	return statements
}

// policyShape checks keys and types with the path of each fault, which the
// library's decoder cannot say, and then lets it decode.
func (p *parser) policyShape(v any, path string) (trustpolicy.Document, bool) {
	before := len(p.problems)
	var doc trustpolicy.Document
	o, _ := p.object(v, path, "version", "trustPolicies")
	if o == nil {
		return doc, false
	}
	p.strings(o, path, "version")
	list, isList := p.array(o["trustPolicies"], key(path, "trustPolicies"), `write [{"name": …, "registryScopes": ["*"], …}]`)
	if isList {
		for i, s := range list {
			p.statementShape(s, index(key(path, "trustPolicies"), i))
		}
	}
	if len(p.problems) > before {
		return doc, false
	}
	if err := remarshal(v, &doc); err != nil {
		p.add(path, err.Error(), "")
		return doc, false
	}
	return doc, true
}

func (p *parser) statementShape(v any, path string) {
	o, _ := p.object(v, path, "name", "registryScopes", "signatureVerification", "trustStores", "trustedIdentities")
	p.strings(o, path, "name")
	for _, list := range []string{"registryScopes", "trustStores", "trustedIdentities"} {
		if o[list] == nil {
			continue
		}
		elements, _ := p.array(o[list], key(path, list), "write a list of strings")
		for i, e := range elements {
			p.text(e, index(key(path, list), i))
		}
	}
	if verification, found := o["signatureVerification"]; found {
		p.verificationShape(verification, key(path, "signatureVerification"))
	}
}

func (p *parser) verificationShape(v any, path string) {
	o, _ := p.object(v, path, "level", "override", "verifyTimestamp")
	p.strings(o, path, "level", "verifyTimestamp")
	if level, isText := o["level"].(string); isText && !slices.Contains(levels(), level) {
		p.add(key(path, "level"), fmt.Sprintf("%q is not a level", level), "write one of "+quoted(levels()))
	}
	if override, found := o["override"]; found {
		types := make([]string, 0, len(trustpolicy.ValidationTypes))
		for _, t := range trustpolicy.ValidationTypes {
			types = append(types, string(t))
		}
		actions, _ := p.object(override, key(path, "override"), types...)
		p.strings(actions, key(path, "override"), sortedKeys(actions)...)
	}
}

func levels() []string {
	names := make([]string, 0, len(trustpolicy.VerificationLevels))
	for _, l := range trustpolicy.VerificationLevels {
		names = append(names, l.Name)
	}
	return names
}

// strings checks that the named members, where present, are strings.
func (p *parser) strings(o map[string]any, path string, names ...string) {
	for _, name := range names {
		if v, found := o[name]; found {
			p.text(v, key(path, name))
		}
	}
}

func remarshal(v, into any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// whole checks what only shows across statements: names and scopes used twice.
func (p *parser) whole(doc trustpolicy.Document, path string) {
	if err := doc.Validate(); err != nil {
		p.add(path, err.Error(), "")
	}
}

// statement compiles one statement. It rewrites its scopes in doc to their
// canonical spelling, so that [parser.whole] compares those.
func (p *parser) statement(doc *trustpolicy.Document, i int, path string, stores map[string]*Store) *Statement {
	policy := &doc.TrustPolicies[i]
	before := len(p.problems)
	policy.RegistryScopes = p.scopes(policy.RegistryScopes, key(path, "registryScopes"))
	s := &Statement{Name: policy.Name, Scopes: policy.RegistryScopes}
	s.Identities = p.identities(policy.TrustedIdentities, key(path, "trustedIdentities"))
	s.Stores = p.storesOf(policy.TrustStores, key(path, "trustStores"), stores)
	if len(p.problems) > before {
		return s
	}
	alone := trustpolicy.Document{Version: doc.Version, TrustPolicies: []trustpolicy.TrustPolicy{*policy}}
	if err := alone.Validate(); err != nil {
		p.add(path, err.Error(), "")
		return s
	}
	s.compile(*policy)
	if !s.Skips() && !slices.ContainsFunc(s.Stores, (*Store).anchorsSigners) {
		p.add(key(path, "trustStores"), "no ca or signingAuthority store among them: nobody could sign", `name one, "ca:…"`)
	}
	return s
}

func (p *parser) storesOf(names []string, path string, defined map[string]*Store) []*Store {
	var stores []*Store
	for i, name := range names {
		store, found := defined[name]
		if !found {
			p.add(index(path, i), fmt.Sprintf("the trust store %q is not defined", name), undefinedStore(name, defined))
			continue
		}
		stores = append(stores, store)
	}
	return stores
}

func undefinedStore(name string, defined map[string]*Store) string {
	remedy := fmt.Sprintf("defined in trust_stores: %s", quoted(sortedKeys(defined)))
	if hint := didYouMean(name, sortedKeys(defined)); strings.HasPrefix(hint, "did") {
		remedy += "; " + hint
	}
	return remedy
}
