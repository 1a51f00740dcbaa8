// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

const group = "config.ratify.deislabs.io/v1beta1"

// chartSections are the values by which a chart's file is recognised.
func chartSections() []string {
	return []string{
		"notationCerts", "notationCert", "notation", "cosign", "cosignKeys", "oras", "azurekeyvault", "akvCertConfig", "alibabacloudAcrConfig",
		"azureWorkloadIdentity", "azureManagedIdentity", "vulnerabilityreport", "sbom", "upgradeCRDs", "featureFlags", "notaryCert", "notaryCerts",
	}
}

func isChart(root source.Value) bool {
	return slices.ContainsFunc(root.Keys(), func(key string) bool { return slices.Contains(chartSections(), key) })
}

// chart makes of values the resources that Ratify's chart renders.
//
// Spec: Ratify's Helm chart 1.15.5, templates.
func (s *Set) chart(root source.Value) {
	root = root.Named("values")
	s.read = append(s.read, root)
	c := chart{Maker: source.NewMaker(root), set: s, values: root}
	single := root.Get("notationCert")
	if !single.Exists() {
		single = root.Get("notaryCert") // its name in the first charts
	}
	certificates := c.inline("certificate", "notation-inline-cert", single, root.Get("notationCerts"))
	keys := c.inline("key", "cosign-inline-key", root.At("cosign", "key"), root.Get("cosignKeys"))
	certificatesThere, keysThere := c.keyVault()
	c.notation(certificates, certificatesThere)
	c.cosign(keys, keysThere)
	c.store()
	c.others()
	c.policy()
	c.settings()
}

// chart is the making of the resources of one file of values.
type chart struct {
	*source.Maker

	set    *Set
	values source.Value
}

const keyVaultName = "kmprovider-akv"

func (c chart) text(s string) *yaml.Node { return c.Default(s, "Ratify's chart") }

// add adds a resource that the values at a place make.
func (c chart) add(at source.Value, kind, name string, spec ...source.Field) {
	c.set.object(c.Root(c.Map(
		source.Field{Key: "apiVersion", Value: c.text(group)},
		source.Field{Key: "kind", Value: c.text(kind)},
		source.Field{Key: "metadata", Value: c.Map(source.Field{Key: "name", Value: c.text(name)})},
		source.Field{Key: "spec", Value: c.Map(spec...)},
	), at))
}

// inline makes a provider for each text, and returns their names. The deprecated
// single one has no number.
func (c chart) inline(contentType, name string, single, several source.Value) []source.Value {
	var names []source.Value
	add := func(v source.Value, name string) {
		if !v.Exists() || v.IsText() && v.Text() == "" {
			return
		}
		c.add(v, "KeyManagementProvider", name,
			source.Field{Key: "type", Value: c.text("inline")},
			source.Field{Key: "parameters", Value: c.Map(
				source.Field{Key: "contentType", Value: c.text(contentType)},
				source.Field{Key: "value", Value: c.Reuse(v)},
			)})
		names = append(names, v.As(name))
	}
	add(single, "ratify-"+name)
	for i, v := range several.List() {
		add(v, fmt.Sprintf("ratify-%s-%d", name, i))
	}
	return names
}

// keyVault makes the provider for Azure Key Vault and tells whether it has
// certificates or keys.
func (c chart) keyVault() (certificates, keys bool) {
	v, old := c.values.Get("azurekeyvault"), c.values.Get("akvCertConfig")
	if !v.Get("enabled").Bool(false) {
		v.Skip()
		v = old
	}
	if !v.Get("enabled").Bool(false) {
		old.Skip()
		return false, false
	}
	list := c.List(c.old(v, 1), c.old(v, 2))
	if listed := v.Get("certificates"); listed.Exists() {
		list = c.Reuse(listed)
	}
	c.add(v, "KeyManagementProvider", keyVaultName,
		source.Field{Key: "type", Value: c.text("azurekeyvault")},
		source.Field{Key: "refreshInterval", Value: c.Reuse(v.Get("refreshInterval"))},
		source.Field{Key: "parameters", Value: c.Map(
			source.Field{Key: "vaultURI", Value: c.Reuse(v.Get("vaultURI"))},
			source.Field{Key: "tenantID", Value: c.Reuse(v.Get("tenantId"))},
			source.Field{Key: "clientID", Value: c.Reuse(c.values.At("azureWorkloadIdentity", "clientId"))},
			source.Field{Key: "certificates", Value: list},
			source.Field{Key: "keys", Value: c.Reuse(v.Get("keys"))},
		)})
	return len(list.Content) > 0, len(v.Get("keys").List()) > 0
}

// old reads the numbered certificates of akvCertConfig.
func (c chart) old(v source.Value, n int) *yaml.Node {
	name := v.Get("cert" + strconv.Itoa(n) + "Name")
	version := v.Get("cert" + strconv.Itoa(n) + "Version")
	if name.Text() == "" {
		return nil
	}
	return c.Map(source.Field{Key: "name", Value: c.Reuse(name)}, source.Field{Key: "version", Value: c.Reuse(version)})
}

// notation makes the verifier of Notary Project signatures.
func (c chart) notation(certificates []source.Value, keyVault bool) {
	v := c.values.Get("notation")
	if !v.Get("enabled").Bool(true) {
		v.Skip()
		return
	}
	policies := v.Get("trustPolicies").List()
	stores, document := c.trust(policies, certificates, keyVault)
	c.add(v, "Verifier", "verifier-notation",
		source.Field{Key: "name", Value: c.text("notation")},
		source.Field{Key: "artifactTypes", Value: c.text("application/vnd.cncf.notary.signature")},
		source.Field{Key: "parameters", Value: c.Map(
			source.Field{Key: "verificationCertStores", Value: stores},
			source.Field{Key: "trustPolicyDoc", Value: c.Map(
				source.Field{Key: "version", Value: c.text("1.0")},
				source.Field{Key: "trustPolicies", Value: document},
			)},
		)})
}

// trust makes the stores and the policies. One policy without stores has all
// certificates, in the store certs.
func (c chart) trust(policies, certificates []source.Value, keyVault bool) (stores, document *yaml.Node) {
	var all, documents []*yaml.Node
	if keyVault {
		all = append(all, c.text(keyVaultName))
	}
	for _, name := range certificates {
		all = append(all, c.Text(name.Text(), name))
	}
	stores = c.Map(source.Field{Key: "certs", Value: c.List(all...)})
	if len(policies) == 0 {
		return stores, c.List(c.Map(
			source.Field{Key: "name", Value: c.text("default")},
			source.Field{Key: "registryScopes", Value: c.List(c.text("*"))},
			source.Field{Key: "signatureVerification", Value: c.Map(source.Field{Key: "level", Value: c.text("strict")})},
			source.Field{Key: "trustStores", Value: c.List(c.text("ca:certs"))},
			source.Field{Key: "trustedIdentities", Value: c.List(c.text("*"))},
		))
	}
	typed := map[string]*yaml.Node{}
	n := 0
	for i, p := range policies {
		named := []*yaml.Node{}
		for _, store := range p.Get("trustStores").List() {
			kind, reference, _ := strings.Cut(store.Text(), ":")
			name := fmt.Sprintf("cert-%d", n)
			n++
			named = append(named, c.Text(kind+":"+name, store))
			if typed[kind] == nil {
				typed[kind] = c.Map()
			}
			key, value := c.Text(name, store), c.List(c.Text(provider(reference), store))
			typed[kind].Content = append(typed[kind].Content, key, value)
		}
		if len(named) == 0 {
			named = append(named, c.Text("ca:certs", p))
		}
		documents = append(documents, c.statement(p, c.List(named...), i))
	}
	if len(typed) > 0 {
		stores = c.Map(
			source.Field{Key: "ca", Value: typed["ca"]},
			source.Field{Key: "tsa", Value: typed["tsa"]},
			source.Field{Key: "signingAuthority", Value: typed["signingAuthority"]},
		)
	}
	return stores, c.List(documents...)
}

// provider is the provider that a store of the values means:
// "notationCerts[1]", "AzureKeyVault".
func provider(reference string) string {
	if strings.EqualFold(reference, "azurekeyvault") {
		return keyVaultName
	}
	digits := strings.Trim(strings.TrimPrefix(strings.ToLower(reference), "notationcerts"), "[] ")
	if _, err := strconv.Atoi(digits); err == nil {
		return "ratify-notation-inline-cert-" + digits
	}
	return reference
}

func (c chart) statement(p source.Value, stores *yaml.Node, i int) *yaml.Node {
	if wrong := p.Get("verificatonLevel"); wrong.Exists() {
		wrong.Mistake("has no effect in Ratify's chart, which reads level", "write level")
	}
	return c.Map(
		source.Field{Key: "name", Value: c.or(p.Get("name"), c.Text(fmt.Sprintf("trustPolicy-%d", i), p))},
		source.Field{Key: "registryScopes", Value: c.or(p.Get("registryScopes"), c.List(c.Text("*", p)))},
		source.Field{Key: "signatureVerification", Value: c.Map(source.Field{Key: "level", Value: c.or(p.Get("level"), c.Text("strict", p))})},
		source.Field{Key: "trustStores", Value: stores},
		source.Field{Key: "trustedIdentities", Value: c.or(p.Get("trustedIdentities"), c.List(c.Text("*", p)))},
	)
}

func (c chart) or(v source.Value, byDefault *yaml.Node) *yaml.Node {
	return cmp.Or(c.Reuse(v), byDefault)
}

// cosign makes the verifier of Cosign signatures.
func (c chart) cosign(keys []source.Value, keyVault bool) {
	v := c.values.Get("cosign")
	if !v.Get("enabled").Bool(true) {
		v.Skip()
		return
	}
	var list []*yaml.Node
	for _, name := range keys {
		list = append(list, c.Map(source.Field{Key: "provider", Value: c.Text(name.Text(), name)}))
	}
	if keyVault {
		list = append(list, c.Map(source.Field{Key: "provider", Value: c.text(keyVaultName)}))
	}
	keyless := c.keyless(v.Get("keyless"))
	log := c.Reuse(v.Get("tLogVerify"))
	single := v.Get("key")
	if single.Exists() && single.Text() != "" && v.Get("rekorURL").Text() == "" {
		log = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false", Line: single.Node().Line, Column: single.Node().Column}
	}
	policy := c.Map(
		source.Field{Key: "name", Value: c.text("default")},
		source.Field{Key: "scopes", Value: c.or(v.Get("scopes"), c.List(c.text("*")))},
		source.Field{Key: "keys", Value: c.List(list...)},
		source.Field{Key: "tLogVerify", Value: log},
		source.Field{Key: "rekorURL", Value: c.Reuse(v.Get("rekorURL"))},
		source.Field{Key: "keyless", Value: keyless},
	)
	policies := c.List(policy)
	if len(list) == 0 && keyless == nil {
		policies = c.List()
		at := v
		if !at.Exists() {
			at = c.values
		}
		at.Add(finding.Note, "Ratify's chart enables Cosign without a key: it denies every image that has a Cosign signature, and so does the bundle",
			"give keys, or set cosign.enabled: false")
	}
	c.add(v, "Verifier", "verifier-cosign",
		source.Field{Key: "name", Value: c.text("cosign")},
		source.Field{Key: "artifactTypes", Value: c.text("application/vnd.dev.cosign.artifact.sig.v1+json")},
		source.Field{Key: "parameters", Value: c.Map(source.Field{Key: "trustPolicies", Value: policies})})
}

// keyless leaves out what the chart leaves empty; nil if nothing is given.
func (c chart) keyless(v source.Value) *yaml.Node {
	given := c.Map()
	for _, key := range []string{"certificateIdentity", "certificateIdentityRegExp", "certificateOIDCIssuer", "certificateOIDCIssuerRegExp"} {
		if value := v.Get(key); value.Text() != "" {
			given.Content = append(given.Content, c.Map(source.Field{Key: key, Value: c.Reuse(value)}).Content...)
		}
	}
	log := c.Reuse(v.Get("ctLogVerify"))
	if len(given.Content) == 0 {
		return nil
	}
	given.Content = append(given.Content, c.Map(source.Field{Key: "ctLogVerify", Value: log}).Content...)
	return given
}
