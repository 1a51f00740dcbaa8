// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// second translates the executors: those of the cluster, and in place of them
// those of a namespace.
func (t *translator) second() {
	byNamespace := map[string][]resource.Executor{}
	var namespaces []string
	for _, e := range t.set.Executors {
		if !slices.Contains(namespaces, e.Namespace) {
			namespaces = append(namespaces, e.Namespace)
		}
		byNamespace[e.Namespace] = append(byNamespace[e.Namespace], e)
	}
	slices.Sort(namespaces)
	for _, namespace := range namespaces {
		policies := t.executors(byNamespace[namespace])
		if namespace == "" {
			t.plan.Policies = append(t.plan.Policies, policies...)
			continue
		}
		t.plan.Tenants = append(t.plan.Tenants, Tenant{namespace, policies})
	}
	if len(t.set.Executors) > 0 && len(t.set.Verifiers) > 0 {
		t.findings.Add(finding.Mistake, finding.Place{}, "there are resources of both generations of Ratify: where their scopes are the same both have to accept", "migrate one of them")
	}
}

// executor is an executor, translated.
type executor struct {
	resource.Executor

	scopes    []scope
	documents map[string]string    // of Notation verifiers, by name
	rings     map[string][]keyring // of Cosign verifiers, by name
}

func (t *translator) executors(all []resource.Executor) []Policy {
	var ready []executor
	var scopes []scope
	var owners []int
	for i, e := range all {
		x := t.executor(e)
		ready = append(ready, x)
		for _, s := range x.scopes {
			scopes, owners = append(scopes, s), append(owners, i)
		}
	}
	wanted := slices.Clone(scopes)
	for i, x := range ready {
		for _, s := range x.within() {
			if j := best(scopes, s); j >= 0 && owners[j] == i {
				wanted = append(wanted, s)
			}
		}
	}
	var policies []Policy
	for _, c := range cells(wanted) {
		i := best(scopes, c)
		if i < 0 {
			policies = append(policies, Policy{
				Name: "below " + strings.TrimSuffix(c.pattern(), "/**"), Scopes: []Scope{{c.pattern(), c.at.From()}}, Signers: []string{t.nobody()}, Need: 1,
				From: c.at.From(), Refused: "no executor of Ratify covers what lies below the repository",
			})
			continue
		}
		policies = append(policies, t.executorCell(ready[owners[i]], c)...)
	}
	return t.merged(policies)
}

// within are the scopes of the Cosign verifiers.
func (x executor) within() (scopes []scope) {
	for _, v := range x.Verifiers {
		for _, ring := range x.rings[v.Name] {
			scopes = append(scopes, ring.scopes...)
		}
	}
	return scopes
}

func (t *translator) executor(e resource.Executor) executor {
	x := executor{Executor: e, documents: map[string]string{}, rings: map[string][]keyring{}}
	for _, at := range e.Scopes {
		if s, ok := repositoryScope(at, at.Text(), exact); ok {
			x.scopes = append(x.scopes, s)
		}
	}
	for _, v := range e.Verifiers {
		switch v.Type {
		case formatNotation:
			x.documents[v.Name] = t.secondNotation(v)
		case formatCosign:
			x.rings[v.Name] = t.secondCosign(v, x.scopes)
		default:
			v.Parameters.Skip()
			v.At.Add(finding.NoCounterpart, fmt.Sprintf("the verifier %q has no counterpart yet: what needs it is denied", v.Type), "")
		}
	}
	return x
}

// executorCell makes the policies of one cell: each demand of the threshold
// policy must hold.
func (t *translator) executorCell(x executor, c scope) []Policy {
	documents := maps.Clone(x.documents)
	for name, rings := range x.rings {
		documents[name] = owner(rings, c)
	}
	demands, refused := t.threshold(x.Policy, documents, x.At)
	if refused != "" {
		demands = []need{{documents: []string{t.nobody()}, count: 1}}
	}
	var policies []Policy
	for _, demand := range demands {
		policies = append(policies, Policy{
			Name: cmp.Or(x.Name, "executor"), Scopes: []Scope{{c.pattern(), c.at.From()}}, Signers: demand.documents, Need: demand.count,
			From: x.At.From(), Refused: refused,
		})
	}
	return policies
}

// need is a number of documents that must verify.
type need struct {
	documents []string
	count     int
}

// threshold reads a threshold-policy as needs that must all be met, or says why
// it cannot.
func (t *translator) threshold(p *resource.Policy, documents map[string]string, at source.Value) (needs []need, refused string) {
	switch {
	case p == nil:
		at.Mistake("has no policyEnforcer, without which Ratify admits nothing; neither does the bundle", "add one")
		return nil, "the executor has no policy"
	case p.Type != "threshold-policy":
		p.Parameters.Skip()
		p.At.Add(finding.NoCounterpart, fmt.Sprintf("the policy %q is not known: every image is denied", p.Type), "")
		return nil, "the policy of the executor has no counterpart"
	}
	return t.rule(p.Parameters.Get("policy"), documents)
}

// maxSigners is how many signers a policy of the library may have.
const maxSigners = 10

func (t *translator) rule(r source.Value, documents map[string]string) (needs []need, refused string) {
	children := r.Get("rules").List()
	threshold, _ := r.Get("threshold").Int()
	if len(children) == 0 {
		r.Mistake("has no rules, which Ratify refuses", "add one")
		return nil, "the policy of the executor has no rules"
	}
	if threshold == 0 || threshold == len(children) {
		for _, child := range children {
			more, why := t.child(child, documents)
			needs, refused = append(needs, more...), cmp.Or(refused, why)
		}
		return needs, refused
	}
	var signers []string
	for _, child := range children {
		more, why := t.child(child, documents)
		switch {
		case why != "":
			continue // one that nobody can meet
		case len(more) == 1 && (len(more[0].documents) == 1 || threshold == 1 && more[0].count == 1):
			signers = append(signers, more[0].documents...)
		default:
			child.Add(finding.NoCounterpart, "is a group within a threshold, which policies of the bundle do not have: what needs it is denied", "write the rule in trust.rego")
			return nil, "a threshold of Ratify has a group within it, which has no counterpart"
		}
	}
	if len(signers) < threshold || len(signers) > maxSigners {
		return nil, fmt.Sprintf("%d of the verifiers are demanded, and %d can be asked", threshold, len(signers))
	}
	if threshold > 1 {
		r.Get("threshold").Add(finding.Stricter, "one key counts once, whichever verifiers accept it", "")
	}
	return []need{{signers, threshold}}, ""
}

func (t *translator) child(r source.Value, documents map[string]string) (needs []need, refused string) {
	name := r.Get("verifierName")
	if name.Text() == "" {
		return t.rule(r, documents)
	}
	if nested := r.Get("rules"); len(nested.List()) > 0 {
		nested.Skip()
		nested.Add(finding.NoCounterpart, "demands what is attached to a signature itself; what needs it is denied", "")
		return nil, "Ratify demands what is attached to a signature, which has no counterpart"
	}
	d, found := documents[name.Text()]
	if !found {
		name.Mistake("names no verifier of the executor that has a counterpart", "")
	}
	if d == "" {
		return nil, fmt.Sprintf("the verifier %q accepts nothing here", name.Text())
	}
	return []need{{[]string{d}, 1}}, ""
}
