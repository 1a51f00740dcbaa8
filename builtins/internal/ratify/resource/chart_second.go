// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

func isSecondChart(root source.Value) bool {
	return root.Get("stores").IsList() || root.At("executor", "scopes").IsList() || root.At("notation", "certs").IsList()
}

// secondChart makes of values the executor that the chart of the second
// generation renders.
//
// Spec: Ratify v2, deployments/ratify-gatekeeper-provider.
func (s *Set) secondChart(root source.Value) {
	root = root.Named("values")
	s.read = append(s.read, root)
	c := chart{Maker: source.NewMaker(root), set: s, values: root}
	var verifiers, rules, stores []*yaml.Node
	for _, v := range []struct {
		name, kind string
		parameters *yaml.Node
	}{{"notation-1", "notation", c.secondNotation()}, {"cosign-1", "cosign", c.secondCosign()}} {
		if v.parameters == nil {
			continue
		}
		verifiers = append(verifiers, c.Map(
			source.Field{Key: "name", Value: c.text(v.name)},
			source.Field{Key: "type", Value: c.text(v.kind)},
			source.Field{Key: "parameters", Value: v.parameters},
		))
		rules = append(rules, c.Map(source.Field{Key: "verifierName", Value: c.text(v.name)}))
	}
	for _, store := range root.Get("stores").List() {
		parameters := c.Map()
		for _, p := range store.Pairs() {
			if p.Key != "scopes" {
				parameters.Content = append(parameters.Content, c.Map(source.Field{Key: p.Key, Value: c.Reuse(p.Value)}).Content...)
			}
		}
		stores = append(stores, c.Map(
			source.Field{Key: "type", Value: c.Text("registry-store", store)},
			source.Field{Key: "scopes", Value: c.Reuse(store.Get("scopes"))},
			source.Field{Key: "parameters", Value: parameters},
		))
	}
	one := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: "1"}
	spec := c.Map(
		source.Field{Key: "scopes", Value: c.Reuse(root.At("executor", "scopes"))},
		source.Field{Key: "stores", Value: c.List(stores...)},
		source.Field{Key: "verifiers", Value: c.List(verifiers...)},
		source.Field{Key: "policyEnforcer", Value: c.Map(
			source.Field{Key: "type", Value: c.text("threshold-policy")},
			source.Field{Key: "parameters", Value: c.Map(source.Field{Key: "policy", Value: c.Map(
				source.Field{Key: "threshold", Value: one}, source.Field{Key: "rules", Value: c.List(rules...)},
			)})},
		)},
	)
	s.executor(Meta{Kind: "Executor", Name: "ratify-executor-1", At: c.Root(spec, root.Get("executor"))}, c.Root(spec, root.Get("executor")))
	concurrency(root.At("executor", "concurrency"))
	c.set.seconds("gatekeeper.timeout", root.At("provider", "timeout", "validationTimeoutSeconds"), 100)
	c.set.seconds("gatekeeper.mutation_timeout", root.At("provider", "timeout", "mutationTimeoutSeconds"), 50)
	s.elsewhere(root, "image", "replicaCount", "logger", "resources", "metrics", "provider", "gatekeeper", "serviceAccount")
}

func (c chart) secondNotation() *yaml.Node {
	v := c.values.Get("notation")
	certificates := v.Get("certs").List()
	if len(certificates) == 0 {
		v.Skip()
		return nil
	}
	for _, ignored := range certificates[1:] {
		ignored.Skip()
		ignored.Add(finding.Mistake, "has no effect in Ratify's chart, which reads only the first", "remove it, or put both into one")
	}
	return c.Map(
		source.Field{Key: "scopes", Value: c.some(v.Get("scopes"))},
		source.Field{Key: "trustedIdentities", Value: c.some(v.Get("trustedIdentities"))},
		source.Field{Key: "certificates", Value: c.List(c.Map(
			source.Field{Key: "type", Value: c.text("ca")}, c.provided(certificates[0], "cert"),
		))},
	)
}

// provided turns {provider: x, …} into x: …
func (c chart) provided(v source.Value, inline string) source.Field {
	switch kind := v.Get("provider").Text(); kind {
	case "inline":
		return source.Field{Key: kind, Value: c.Reuse(v.Get(inline))}
	case "files":
		return source.Field{Key: kind, Value: c.List(c.Text("/usr/local/notation/certs", v))}
	default:
		return source.Field{Key: kind, Value: c.Reuse(v)}
	}
}

func (c chart) secondCosign() *yaml.Node {
	v := c.values.Get("cosign")
	fields := []source.Field{{Key: "scopes", Value: c.some(v.Get("scopes"))}}
	trusted := false
	for _, key := range []string{"certificateIdentity", "certificateIdentityRegex", "certificateOIDCIssuer", "certificateOIDCIssuerRegex"} {
		trusted = trusted || v.Get(key).Text() != ""
		fields = append(fields, source.Field{Key: key, Value: c.Reuse(v.Get(key))})
	}
	for _, key := range []string{"ignoreTLog", "ignoreCTLog", "ignoreObserverTimestamps"} {
		fields = append(fields, source.Field{Key: key, Value: c.Reuse(v.Get(key))})
	}
	if keys := v.Get("keys"); keys.IsMap() {
		trusted = true
		fields = append(fields, source.Field{Key: "keys", Value: c.Map(c.provided(keys, "key"))})
	}
	if !trusted {
		return nil
	}
	return c.Map(source.Field{Key: "trustPolicies", Value: c.List(c.Map(fields...))})
}

// some is nil for an empty list: the chart then leaves it out.
func (c chart) some(v source.Value) *yaml.Node {
	if len(v.List()) == 0 {
		return nil
	}
	return c.Reuse(v)
}
