// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/notaryproject/notation-go/verifier/trustpolicy"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// wildcardScope and wildcardIdentity are the spellings of "any".
//
// Spec: Notary Project, trust policy v1.0.
const (
	wildcardScope    = "*"
	wildcardIdentity = "*"
)

// Statement is one compiled statement of a trust policy. Read-only.
type Statement struct {
	Name       string
	Scopes     []string // registry/repository, canonical, or "*" alone
	Level      string   // strict, permissive, audit, skip or custom
	Actions    map[trustpolicy.ValidationType]trustpolicy.ValidationAction
	Stores     []*Store
	Identities []Identity

	policy trustpolicy.TrustPolicy
}

// Skips reports the level skip: signatures are not looked at.
func (s *Statement) Skips() bool { return s.Level == trustpolicy.LevelSkip.Name }

// Action returns what the policy does when a validation fails.
func (s *Statement) Action(t trustpolicy.ValidationType) trustpolicy.ValidationAction {
	return s.Actions[t]
}

// VerifyTimestamp returns when signed timestamps are looked at: always, or
// afterCertExpiry. Without a tsa store they never are.
func (s *Statement) VerifyTimestamp() trustpolicy.TimestampOption {
	if s.policy.SignatureVerification.VerifyTimestamp == "" {
		return trustpolicy.OptionAlways
	}
	return s.policy.SignatureVerification.VerifyTimestamp
}

// StoresOf returns the statement's stores of one type.
func (s *Statement) StoresOf(storeType string) []*Store {
	var stores []*Store
	for _, store := range s.Stores {
		if strings.HasPrefix(store.Name, storeType+":") {
			stores = append(stores, store)
		}
	}
	return stores
}

// Document returns a fresh trust policy document that holds this statement
// alone, for every registry: the choice by scope has been made already, on
// canonical names.
func (s *Statement) Document() *trustpolicy.Document {
	policy := s.policy
	policy.RegistryScopes = []string{wildcardScope}
	policy.TrustStores = slices.Clone(policy.TrustStores)
	policy.TrustedIdentities = slices.Clone(policy.TrustedIdentities)
	policy.SignatureVerification.Override = maps.Clone(policy.SignatureVerification.Override)
	return &trustpolicy.Document{Version: "1.0", TrustPolicies: []trustpolicy.TrustPolicy{policy}}
}

func (s *Statement) covers(scope string) bool { return slices.Contains(s.Scopes, scope) }

// compile copies what a validated policy says.
func (s *Statement) compile(policy trustpolicy.TrustPolicy) {
	level, err := policy.SignatureVerification.GetVerificationLevel()
	if err != nil {
		panic("trust: level of a validated policy: " + err.Error())
	}
	s.Level, s.Actions, s.policy = level.Name, maps.Clone(level.Enforcement), policy
}

func (s *Store) anchorsSigners() bool { return !strings.HasPrefix(s.Name, TypeTSA+":") }

// scopes returns the canonical spelling of registry scopes. Notation compares
// text: "Registry.Example/app" would never match an image.
func (p *parser) scopes(scopes []string, path string) []string {
	canonical := make([]string, len(scopes))
	for i, scope := range scopes {
		var problem, remedy string
		canonical[i], problem, remedy = canonicalScope(scope)
		if problem != "" {
			p.add(index(path, i), problem, remedy)
		}
	}
	return canonical
}

func canonicalScope(scope string) (canonical, problem, remedy string) {
	const write = `write registry/repository, or "*" for every image`
	if scope == wildcardScope {
		return scope, "", ""
	}
	host, path, hasPath := strings.Cut(scope, "/")
	switch {
	case strings.Contains(scope, "*"):
		return "", fmt.Sprintf("the registry scope %q has a wildcard", scope), "the Notary Project allows no patterns: name each repository, or choose the trust document in Rego with ratify.reference.matches"
	case !hasPath || path == "":
		return "", fmt.Sprintf("the registry scope %q has no repository", scope), write
	case strings.ContainsAny(path, ":@"):
		return "", fmt.Sprintf("the registry scope %q has a tag or a digest", scope), write
	case !strings.ContainsAny(host, ".:") && !strings.EqualFold(host, "localhost"):
		return "", fmt.Sprintf("the registry scope %q has no registry", scope), fmt.Sprintf("for Docker Hub write %q", "docker.io/"+scope)
	}
	ref, err := reference.Parse(scope)
	if err != nil {
		return "", err.Error(), write
	}
	return ref.Name(), "", ""
}
