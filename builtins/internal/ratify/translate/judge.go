// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
)

// rules are what a config-policy demands of the reports of each artifact type.
type rules struct {
	byType    map[string]string // "all" or "any"; a type that is named must be there
	byDefault string
	from      string
	refused   string // why nothing is admitted; "" if something may be
}

func (r rules) of(artifactType string) string { return cmp.Or(r.byType[artifactType], r.byDefault) }

// judge makes the policies of a namespace.
func (t *translator) judge(verifiers []resource.Verifier, policy *resource.Policy) []Policy {
	b := t.seated(verifiers)
	if policy != nil && policy.Type == "rego-policy" && !policy.Unusable {
		t.aside(*policy)
		return nil
	}
	r := t.rules(policy)
	if policy != nil && policy.Exhaustive {
		b.unjudged = append(slices.Clone(b.unjudged), Sourced{"*", policy.At.From()})
	}
	if len(b.notation) == 0 && len(b.cosign) == 0 {
		if len(verifiers) > 0 {
			b.at.Add(finding.NoCounterpart, "there is no verifier of signatures: every image is denied", "")
		}
		return nil
	}
	return t.perCell(b, r)
}

// rules reads a config-policy; without one, what Ratify's chart installs.
func (t *translator) rules(policy *resource.Policy) rules {
	r := rules{byType: map[string]string{}, byDefault: "all"}
	if policy == nil {
		t.findings.Add(finding.Note, finding.Place{}, `there is no Policy among the files; that of Ratify's chart is assumed: "all" signatures must be good`, "")
		r.from = "the Policy of Ratify's chart (default)"
		return r
	}
	r.from = policy.At.From()
	if policy.Unusable {
		policy.At.Skip()
		r.refused = "the " + policy.Title() + " cannot be used; its status says why"
		return r
	}
	if policy.Type != "config-policy" {
		policy.Parameters.Skip()
		policy.At.Add(finding.NoCounterpart, t.notFound()+fmt.Sprintf("the policy %q is not known: every image is denied", policy.Type), "")
		r.refused = fmt.Sprintf("the policy %q of Ratify has no counterpart", policy.Type)
		return r
	}
	for _, p := range policy.Parameters.Get("artifactVerificationPolicies").Pairs() {
		switch rule := p.Value.Text(); {
		case rule != "all" && rule != "any":
			p.Value.Mistake("is neither all nor any, by which Ratify admits nothing; neither does the bundle", `write "all" or "any"`)
			r.refused = "the policy of Ratify demands neither all nor any"
		case p.Key == "default":
			r.byDefault = rule
		case p.Key == typeNotation || p.Key == typeCosign:
			r.byType[p.Key] = rule
		default:
			p.Value.Add(finding.NoCounterpart, fmt.Sprintf("an artifact of type %s is demanded, which nobody here judges: every image is denied", p.Key), "decide in trust.rego by ratify.artifacts")
			r.refused = "Ratify demands an artifact of type " + p.Key + ", which nobody here judges"
		}
	}
	return r
}

// aside keeps a policy in Rego as a file for people.
func (t *translator) aside(policy resource.Policy) {
	policy.At.Add(finding.NoCounterpart, "a policy in Rego cannot be translated; its text is kept beside the bundle, which denies every image",
		"write it anew in trust.rego: builtins/README.md has what ratify.verify reports")
	policy.Parameters.Get("passthroughEnabled").Text()
	if path := policy.Parameters.Get("policyPath"); path.Text() != "" {
		path.Mistake("names the file of a policy, which was not read", "look at it when you write trust.rego")
	}
	if text := policy.Parameters.Get("policy"); text.Text() != "" {
		t.plan.Aside[fmt.Sprintf("untranslated/policy-%d.rego.txt", len(t.plan.Aside)+1)] = "from " + text.From() + "\n\n" + text.Text()
	}
}

// perCell makes the policies of each cell.
func (t *translator) perCell(b bench, r rules) []Policy {
	scopes := []scope{{at: b.at}}
	for _, rings := range b.cosign {
		for _, ring := range rings {
			scopes = append(scopes, ring.scopes...)
		}
	}
	var policies []Policy
	for _, c := range cells(scopes) {
		policies = append(policies, t.cell(b, r, c)...)
	}
	return t.merged(policies)
}

// merged makes one policy of those that differ in their scopes alone, and names
// each.
func (t *translator) merged(all []Policy) []Policy {
	var policies []Policy
	for _, p := range all {
		if i := slices.IndexFunc(policies, p.sameAs); i >= 0 {
			policies[i].Scopes = append(policies[i].Scopes, p.Scopes...)
			continue
		}
		policies = append(policies, p)
	}
	for i := range policies {
		policies[i].Name = t.unique("policy ", policies[i].Name)
	}
	return policies
}

// cell makes the policies of one cell: of the signers of all formats one has to
// vouch, of each format that the rules name as well. The rest is conditions.
func (t *translator) cell(b bench, r rules, c scope) []Policy {
	p := Policy{Scopes: []Scope{{c.pattern(), c.at.From()}}, Need: 1, From: b.at.From(), Refused: cmp.Or(r.refused, c.refused), Unjudged: b.unjudged}
	if !b.whole && c.extent == everything {
		p.Refused = cmp.Or(p.Refused, "a scope of Ratify's Cosign trust policies could not be translated; images of it may be among these")
	}
	byFormat := map[string]string{}
	for _, d := range b.notation {
		byFormat[typeNotation] = cmp.Or(byFormat[typeNotation], d)
		p.Demands = append(p.Demands, Demand{d, formatNotation, r.of(typeNotation), r.from})
	}
	for _, rings := range b.cosign {
		document := owner(rings, c)
		if document == "" {
			p.Demands = append(p.Demands, Demand{t.nobody(), formatCosign, "none", b.at.From()})
			continue
		}
		byFormat[typeCosign] = cmp.Or(byFormat[typeCosign], document)
		p.Demands = append(p.Demands, Demand{document, formatCosign, r.of(typeCosign), r.from})
	}
	if len(b.cosign) == 0 && slices.ContainsFunc(b.unjudged, func(s Sourced) bool { return s.Text == "*" }) {
		p.Demands = append(p.Demands, Demand{t.nobody(), formatCosign, "none", r.from})
	}
	return t.demanded(p, r, byFormat)
}

// demanded chooses the signers.
func (t *translator) demanded(p Policy, r rules, byFormat map[string]string) []Policy {
	var policies []Policy
	for _, artifactType := range []string{typeNotation, typeCosign} {
		if r.byType[artifactType] == "" {
			if d := byFormat[artifactType]; d != "" && len(r.byType) == 0 {
				p.Signers = append(p.Signers, d)
			}
			continue
		}
		one := p
		one.Signers = []string{byFormat[artifactType]}
		if byFormat[artifactType] == "" {
			one.Signers, one.Refused = []string{t.nobody()}, cmp.Or(p.Refused, "Ratify demands a signature of type "+artifactType+", which no verifier of it accepts here")
		}
		policies = append(policies, one)
	}
	if len(r.byType) == 0 {
		if len(p.Signers) == 0 {
			p.Signers, p.Refused = []string{t.nobody()}, cmp.Or(p.Refused, "no verifier of Ratify accepts a signature here")
		}
		policies = []Policy{p}
	}
	for i := range policies {
		policies[i].Name = policies[i].Signers[len(policies[i].Signers)-1]
	}
	return policies
}

// owner returns the document of the most specific scope that covers a cell, "" if
// there is none or it trusts nobody.
func owner(rings []keyring, c scope) string {
	var scopes []scope
	var documents []string
	for _, ring := range rings {
		for _, s := range ring.scopes {
			scopes = append(scopes, s)
			documents = append(documents, ring.document)
		}
	}
	if i := best(scopes, c); i >= 0 {
		return documents[i]
	}
	return ""
}

// sameAs reports that two policies differ in their scopes at most.
func (p Policy) sameAs(o Policy) bool {
	return p.Refused == o.Refused && p.Need == o.Need && slices.Equal(p.Signers, o.Signers) && slices.Equal(p.Demands, o.Demands) && slices.Equal(p.Unjudged, o.Unjudged)
}
