// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// store makes the store, with the provider of credentials that is enabled.
func (c chart) store() {
	v := c.values.Get("oras")
	fields := []source.Field{{Key: "useHttp", Value: c.Reuse(v.Get("useHttp"))}}
	if c.values.At("cosign", "enabled").Bool(true) {
		fields = append(fields, source.Field{Key: "cosignEnabled", Value: &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"}})
	}
	fields = append(
		fields,
		source.Field{Key: "authProvider", Value: c.credentials(v.Get("authProviders"))},
		source.Field{Key: "cacheEnabled", Value: c.Reuse(v.At("cache", "enabled"))},
		source.Field{Key: "ttl", Value: c.Reuse(v.At("cache", "ttl"))},
	)
	c.add(v, "Store", "store-oras", source.Field{Key: "name", Value: c.text("oras")}, source.Field{Key: "parameters", Value: c.Map(fields...)})
}

// credentials makes the provider that is enabled; of several the chart's last.
func (c chart) credentials(v source.Value) (made *yaml.Node) {
	workload, managed, alibaba := c.values.Get("azureWorkloadIdentity"), c.values.Get("azureManagedIdentity"), c.values.Get("alibabacloudAcrConfig")
	endpoints := v.Get("azureContainerRegistryEndpoints")
	for _, p := range []struct {
		enabled source.Value
		name    string
		fields  []source.Field
	}{
		{v.Get("azureWorkloadIdentityEnabled"), "azureWorkloadIdentity", []source.Field{
			{Key: "clientID", Value: c.Reuse(workload.Get("clientId"))}, {Key: "endpoints", Value: c.Reuse(endpoints)},
		}},
		{v.Get("azureManagedIdentityEnabled"), "azureManagedIdentity", []source.Field{
			{Key: "clientID", Value: c.Reuse(managed.Get("clientId"))}, {Key: "tenantID", Value: c.Reuse(managed.Get("tenantId"))}, {Key: "endpoints", Value: c.Reuse(endpoints)},
		}},
		{v.Get("k8secretsEnabled"), "k8Secrets", []source.Field{
			{Key: "serviceAccountName", Value: c.or(c.values.At("serviceAccount", "name"), c.text("ratify-admin"))}, {Key: "secretTimeout", Value: c.Reuse(v.Get("k8secretsSecretTimeout"))},
		}},
		{v.Get("awsEcrBasicEnabled"), "awsEcrBasic", []source.Field{{Key: "override", Value: c.Reuse(v.Get("awsApiOverride"))}}},
		{v.Get("alibabacloudAcrBasicEnabled"), "alibabacloudAcrBasic", []source.Field{
			{Key: "defaultInstanceId", Value: c.Reuse(alibaba.Get("defaultInstanceId"))}, {Key: "acrInstancesConfig", Value: c.Reuse(alibaba.Get("acrInstancesConfig"))},
		}},
	} {
		if !p.enabled.Bool(false) {
			continue
		}
		if made != nil {
			p.enabled.Mistake("a second provider of credentials is enabled; Ratify's chart writes both under one key", "enable one")
		}
		made = c.Map(append([]source.Field{{Key: "name", Value: c.Text(p.name, p.enabled)}}, p.fields...)...)
	}
	return made
}

// others makes the verifiers of what is no signature.
func (c chart) others() {
	for _, v := range []struct{ section, name, artifactType string }{
		{"vulnerabilityreport", "verifier-vulnerabilityreport", "application/sarif+json"},
		{"sbom", "verifier-sbom", "application/spdx+json"},
	} {
		at := c.values.Get(v.section)
		if enabled := at.Get("enabled"); enabled.Bool(false) {
			c.add(at, "Verifier", v.name,
				source.Field{Key: "name", Value: c.Text(v.section, enabled)},
				source.Field{Key: "artifactTypes", Value: c.Text(v.artifactType, enabled)},
				source.Field{Key: "parameters", Value: c.Reuse(at)})
		}
		at.Skip()
	}
}

func (c chart) policy() {
	rego := c.values.At("policy", "useRego")
	c.add(rego, "Policy", "ratify-policy",
		source.Field{Key: "type", Value: c.text("config-policy")},
		source.Field{Key: "parameters", Value: c.Map(source.Field{Key: "artifactVerificationPolicies", Value: c.Map(
			source.Field{Key: "default", Value: c.text("all")},
		)})})
	c.set.Policies[len(c.set.Policies)-1].Exhaustive = rego.Bool(false)
}

func (c chart) settings() {
	timeout := c.values.At("provider", "timeout")
	c.set.seconds("gatekeeper.timeout", timeout.Get("validationTimeoutSeconds"), 100)
	c.set.seconds("gatekeeper.mutation_timeout", timeout.Get("mutationTimeoutSeconds"), 50)
	c.set.revocation(c.values.At("crl", "cache", "enabled"))
	c.set.elsewhere(c.values, "image", "nameOverride", "fullnameOverride", "replicaCount", "affinity", "tolerations", "resources", "serviceAccount",
		"gatekeeper", "instrumentation", "podAnnotations", "podLabels", "enableRuntimeDefaultSeccompProfile", "healthPort", "rbac", "upgradeCRDs", "crds",
		"logger", "featureFlags", "env", "provider")
	for _, key := range []string{"dockerConfig", "registryCredsSecret"} {
		if v := c.values.Get(key); v.Exists() {
			v.Skip()
			v.Add(finding.NoCounterpart, "credentials are not copied", "mount Docker's config.json and name it in plugins.ratify.docker_config.path")
		}
	}
}

// seconds is a timeout of the webhook, of which the chart leaves a margin in
// milliseconds to the answer.
func (s *Set) seconds(path string, at source.Value, margin int) {
	const longest = 60 // more than Kubernetes grants a webhook
	if n, ok := at.Int(); ok && n > 0 && n <= longest {
		s.Settings = append(s.Settings, Setting{Path: path, Text: fmt.Sprintf("%dms", n*1000-margin), At: at})
	}
}

// elsewhere notes in one line the values that are no matter of a bundle.
func (s *Set) elsewhere(values source.Value, keys ...string) {
	var found []string
	for _, key := range keys {
		if v := values.Get(key); v.Exists() {
			v.Skip()
			found = append(found, key)
		}
	}
	if len(found) > 0 {
		values.Add(finding.Note, "no matter of a bundle: "+strings.Join(found, ", "), "set what you need where opa-ratify is deployed")
	}
}
