// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"slices"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// first translates the verifiers and policies of the first generation, of the
// cluster and of each namespace that has some of its own. As in Ratify, what a
// namespace has of a kind replaces what the cluster has of it.
func (t *translator) first() {
	if v, p := t.of(""); len(v) > 0 || p != nil {
		t.plan.Policies = t.judge(v, p)
	}
	for _, namespace := range t.namespaces() {
		v, p := t.of(namespace)
		tenant := Tenant{Namespace: namespace, Policies: t.judge(v, p)}
		if t.Added && len(tenant.Policies) == 0 {
			tenant.Policies = []Policy{t.refusal(namespace)}
		}
		t.plan.Tenants = append(t.plan.Tenants, tenant)
		if t.Added {
			continue
		}
		t.findings.Add(finding.Note, finding.Place{From: "namespace " + namespace},
			"is judged by its own resources in place of the cluster's, as in Ratify: a namespace can widen what is admitted there",
			"to add demands only, move its policies in trust/data.yaml from tenants to namespaces")
	}
}

func (t *translator) namespaces() []string {
	var names []string
	for _, v := range t.set.Verifiers {
		names = append(names, v.Namespace)
	}
	for _, p := range t.set.Policies {
		names = append(names, p.Namespace)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "" })
}

// of returns what judges a namespace.
func (t *translator) of(namespace string) (verifiers []resource.Verifier, policy *resource.Policy) {
	for _, wanted := range []string{namespace, ""} {
		for _, v := range t.set.Verifiers {
			if v.Namespace == wanted {
				verifiers = append(verifiers, v)
			}
		}
		if len(verifiers) > 0 {
			break
		}
	}
	for _, wanted := range []string{namespace, ""} {
		for i, p := range t.set.Policies {
			if p.Namespace != wanted {
				continue
			}
			if policy != nil && policy.Namespace == wanted {
				p.At.Mistake("is a second policy; Ratify has one", "remove one of them")
				continue
			}
			policy = &t.set.Policies[i]
		}
		if policy != nil {
			break
		}
	}
	return verifiers, policy
}

// refusal is the policy of a namespace whose own resources admit nothing, although
// they only add to the cluster's.
func (t *translator) refusal(namespace string) Policy {
	from := "namespace " + namespace
	return Policy{
		Name: t.unique("policy ", from), Scopes: []Scope{{"*", from}}, Signers: []string{t.nobody()}, Need: 1, From: from,
		Refused: "the resources of the namespace " + namespace + " admit no image",
	}
}

// bench is the verifiers of a namespace, translated.
type bench struct {
	notation []string // documents
	cosign   [][]keyring
	unjudged []Sourced
	whole    bool // no scope had to be left out
	at       source.Value
}

// seated translates the verifiers of a namespace once.
func (t *translator) seated(verifiers []resource.Verifier) bench {
	if len(verifiers) == 0 {
		return bench{}
	}
	namespace := verifiers[0].Namespace
	if _, done := t.benches[namespace]; !done {
		t.benches[namespace] = t.seat(verifiers)
	}
	return t.benches[namespace]
}

// seat translates verifiers.
func (t *translator) seat(verifiers []resource.Verifier) bench {
	b := bench{whole: true}
	for _, v := range verifiers {
		b.at = v.At
		handles := func(artifactType string) bool {
			return slices.ContainsFunc(v.ArtifactTypes, func(at source.Value) bool { return at.Text() == artifactType || at.Text() == "*" })
		}
		nested := v.Parameters.Get("nestedReferences").Exists() || v.Parameters.Get("nestedArtifactTypes").Exists()
		switch {
		case v.Unusable:
			b.unjudged = append(b.unjudged, typesOf(v)...)
			continue
		case v.Type == formatNotation && handles(typeNotation) && !nested:
			b.notation = append(b.notation, t.notation(v))
		case v.Type == formatCosign && handles(typeCosign) && !nested:
			rings, whole := t.cosign(v)
			b.cosign = append(b.cosign, rings)
			b.whole = b.whole && whole
		default:
			b.unjudged = append(b.unjudged, t.unknownVerifier(v)...)
			continue
		}
		for _, at := range v.ArtifactTypes {
			if at.Text() != typeNotation && at.Text() != typeCosign {
				at.Add(finding.NoCounterpart, fmt.Sprintf("the %s verifier would judge %s; an image with such an artifact is denied", v.Type, at.Text()), "")
				b.unjudged = append(b.unjudged, Sourced{at.Text(), at.From()})
			}
		}
	}
	for _, of := range []struct {
		kind  string
		count int
	}{{formatNotation, len(b.notation)}, {formatCosign, len(b.cosign)}} {
		if of.count > 1 {
			b.at.Add(finding.Stricter, fmt.Sprintf("is one of %d %s verifiers, of which Ratify asks any one; here all of them have to accept", of.count, of.kind), "keep one")
		}
	}
	return b
}

// unknownVerifier returns the types of artifacts nobody here judges.
func (t *translator) unknownVerifier(v resource.Verifier) []Sourced {
	if v.Type == "" {
		v.At.Mistake("names no verifier: spec has neither name nor type", "write one; what was copied from a page may have lost its indentation")
		return typesOf(v)
	}
	v.Parameters.Skip()
	v.At.Skip()
	remedy := "decide in trust.rego by ratify.artifacts, whose content is verified"
	v.At.Add(finding.NoCounterpart, t.notFound()+fmt.Sprintf("the verifier %q has no counterpart yet: an image that has what it would judge is denied", v.Type), remedy)
	return typesOf(v)
}

// typesOf returns what a verifier would judge. Of one that cannot be used and does
// not say so, that is every signature.
func typesOf(v resource.Verifier) []Sourced {
	var types []Sourced
	if v.Unusable && len(v.ArtifactTypes) == 0 {
		types = []Sourced{{typeNotation, v.At.From()}, {typeCosign, v.At.From()}}
	}
	for _, at := range v.ArtifactTypes {
		types = append(types, Sourced{at.Text(), at.From()})
	}
	return types
}
