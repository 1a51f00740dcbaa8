// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	oparego "github.com/open-policy-agent/opa/v1/rego"
)

// decisions asks, of pairs of a cluster's and a namespace's policies, what becomes of
// an image. A policy's name is what verification finds by it.
const decisions = `package p_test

import data.ratify.policy

found := [_allow(c) | some c in input]

_allow(c) := decision.allow if {
	settings := {"policies": c.cluster, "namespaces": {"ns": {"policies": c.tenant}}}
	decision := policy.decision({"image": "registry.example/app", "namespace": "ns"}, settings) with ratify.verify as _verify
		with ratify.attestations as _attestations
}

_attestations(request) := object.union(_verify(request), {"attestations": []}) if {
	request.predicate_type == request.trust.notation
}

_verify(request) := {
	"verdict": request.trust.notation, "verified": request.trust.notation == "verified", "digest": "sha256:1",
	"signatures": [], "platforms": [], "errors": [],
}`

// demand is a policy: how it is enforced, what verification finds by it, and how many
// signers of signers it is written as.
type demand struct {
	enforcement, verdict string
	depth                int
}

func (d demand) policy() map[string]any {
	policy := map[string]any{"name": d.verdict, "scopes": []string{"*"}, "enforcement": d.enforcement}
	trust := map[string]any{"notation": d.verdict}
	if d.depth == 0 {
		policy["trust"] = trust
		return policy
	}
	// A nested demand is met by one of two; the other one is never verified.
	signer := map[string]any{"attestation": d.verdict, "trust": trust}
	for range d.depth {
		never := map[string]any{"notation": "rejected"}
		signer = map[string]any{"signers": []any{never, signer}, "require": "any"}
	}
	policy["signers"] = []any{signer}
	return policy
}

func (d demand) denies() bool { return d.enforcement == "deny" && d.verdict != "verified" }

// combination is a cluster's and a namespace's list of policies.
type combination struct{ cluster, tenant []demand }

// TestTenantsAddAndNeverWeaken tries every enforcement and verdict of a namespace's
// policies against every one of the cluster's.
func TestTenantsAddAndNeverWeaken(t *testing.T) {
	t.Parallel()
	var all []combination
	for _, cluster := range lists(2) {
		for _, tenant := range lists(max(1, 2-len(cluster))) {
			all = append(all, combination{cluster, tenant})
		}
	}
	allowed := allowances(t, all)
	alone := map[string]bool{}
	for i, c := range all {
		if len(c.tenant) == 0 {
			alone[fmt.Sprint(c.cluster)] = allowed[i]
		}
	}
	for i, c := range all {
		want := alone[fmt.Sprint(c.cluster)] && !slices.ContainsFunc(c.tenant, demand.denies)
		if allowed[i] != want {
			t.Errorf("cluster %v, namespace %v: allow = %t, want %t", c.cluster, c.tenant, allowed[i], want)
		}
		if byRule := len(c.cluster) > 0 && !slices.ContainsFunc(c.cluster, demand.denies); len(c.tenant) == 0 && allowed[i] != byRule {
			t.Errorf("cluster %v: allow = %t, want %t", c.cluster, allowed[i], byRule)
		}
	}
}

// lists are all lists of up to n demands; the order within a list does not matter.
func lists(n int) [][]demand {
	all := [][]demand{{}}
	var one []demand
	for _, enforcement := range []string{"deny", "warn", "dryrun"} {
		for _, verdict := range []string{"verified", "rejected", "inconclusive"} {
			one = append(one, demand{enforcement, verdict, 0})
		}
	}
	for _, verdict := range []string{"verified", "rejected", "inconclusive"} {
		one = append(one, demand{"deny", verdict, 2})
	}
	for i, a := range one {
		all = append(all, []demand{a})
		for _, b := range one[i:] {
			if n > 1 {
				all = append(all, []demand{a, b})
			}
		}
	}
	return all
}

// allowances tells for each combination whether the image is allowed.
func allowances(t *testing.T, all []combination) []bool {
	t.Helper()
	var input []any
	for _, c := range all {
		input = append(input, map[string]any{"cluster": policies(c.cluster), "tenant": policies(c.tenant)})
	}
	results, err := oparego.New(
		oparego.Module("p_test.rego", decisions), oparego.Input(input), oparego.Query("data.p_test.found"),
	).Eval(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	found, ok := results[0].Expressions[0].Value.([]any)
	if !ok || len(found) != len(all) {
		t.Fatalf("%d answers about %d combinations", len(found), len(all))
	}
	allowed := make([]bool, len(found))
	for i := range found {
		if allowed[i], ok = found[i].(bool); !ok {
			t.Fatalf("%v: allow is %v", all[i], found[i])
		}
	}
	return allowed
}

func policies(demands []demand) []any {
	list := []any{}
	for _, d := range demands {
		list = append(list, d.policy())
	}
	return list
}
