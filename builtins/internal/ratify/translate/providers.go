// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/azureacr"
)

// azurePod is what a pod needs to ask as Ratify's does.
const azurePod = "the pod needs what Ratify's has: the service account's annotation azure.workload.identity/client-id and the pod's label azure.workload.identity/use"

// azure is the identity of the pod, or of the node. Without endpoints it is for
// every registry of Azure, as in Ratify.
func (t *translator) azure(v, name source.Value, hosts []string) {
	e := entry(config.CredentialAzure, name)
	switch binding := v.At("identityBinding", "enabled"); {
	case strings.EqualFold(name.Text(), "azureManagedIdentity"):
		commented.Set(e, "method", commented.Text("managed_identity", name.From()), "")
	case binding.Bool(false):
		commented.Set(e, "method", commented.Text("identity_binding", binding.From()), "")
	}
	t.setting(e, "tenant_id", v.Get("tenantID"))
	t.setting(e, "client_id", v.Get("clientID"))
	one := credential{entry: e, hosts: ofAzure(name, hosts)}
	given := v.Get("endpoints").List()
	if len(given) > 0 {
		one.said, one.hosts = true, t.endpoints(e, given)
	}
	if len(one.hosts) == 0 && len(given)+len(hosts) > 0 {
		return // for none; without hosts it would be for all
	}
	t.entered(one, name, azurePod+", or the node's identity")
}

// ofAzure are the hosts that are registries of Azure: a token goes nowhere else.
func ofAzure(at source.Value, hosts []string) []string {
	var all []string
	for _, host := range hosts {
		if azureacr.IsRegistry(strings.Replace(host, "*", "anyhost", 1)) {
			all = append(all, host)
			continue
		}
		at.Add(finding.Stricter, host+" is no registry of Azure: no token is sent there; it is asked with Docker's config.json, or anonymously", "name the registry by its login server, NAME.azurecr.io")
	}
	return all
}

// endpoints writes the hosts that an entry is for, and returns them.
func (t *translator) endpoints(e *commented.Node, given []source.Value) (hosts []string) {
	var all []*commented.Node
	for _, at := range given {
		if host := t.settled(at); host != "" {
			all, hosts = append(all, commented.Text(host, at.From())), append(hosts, host)
		}
	}
	setList(e, "endpoints", all)
	return hosts
}

// kubernetesSecrets are pull secrets, of the service account and further ones.
func (t *translator) kubernetesSecrets(v, name source.Value, hosts []string) {
	e := entry(config.CredentialKubernetesSecrets, name)
	account := v.Get("serviceAccountName")
	if account.Text() == "" {
		commented.Set(e, "service_account", commented.Text("default", account.From()), "")
	}
	t.setting(e, "service_account", account)
	var secrets []*commented.Node
	for _, at := range v.Get("secrets").List() {
		secret := commented.Map()
		t.setting(secret, "name", at.Get("secretName"))
		t.setting(secret, "namespace", at.Get("namespace"))
		if variable(at.Get("secretName").Text()+at.Get("namespace").Text()) == "" {
			secrets = append(secrets, secret)
		}
	}
	setList(e, "secrets", secrets)
	if timeout := v.Get("secretTimeout"); timeout.Text() != "" {
		timeout.Add(finding.Note, "Secrets are read again after a minute, so that a rotation is seen", "refresh_interval of the entry says otherwise")
	}
	t.entered(credential{entry: e, hosts: hosts}, name, "opa-ratify needs the right to get the service account and its Secrets, and runs in their namespace or names it")
}

// amazon is the role of the service account.
func (t *translator) amazon(v, name source.Value, hosts []string) {
	override := v.Get("override")
	if override.Get("enabled").Bool(override.Exists()) {
		override.Add(finding.NoCounterpart, "the address of Amazon's API is that of the registry's region here", "")
	}
	override.Skip()
	t.entered(credential{entry: entry(config.CredentialAWS, name), hosts: hosts}, name, "the service account needs the annotation eks.amazonaws.com/role-arn that Ratify's has")
}

// alibaba is the role of the service account, with the instances in both shapes that
// are in use: {instanceName: a, instanceId: b} and {a: b}.
func (t *translator) alibaba(v, name source.Value, hosts []string) {
	e := entry(config.CredentialAlibaba, name)
	t.setting(e, "default_instance", v.Get("defaultInstanceId"))
	var instances []*commented.Node
	for _, at := range v.Get("acrInstancesConfig").List() {
		if at.Get("instanceName").Exists() || at.Get("instanceId").Exists() {
			instances = t.instance(instances, at.Get("instanceName"), at.Get("instanceId"))
			continue
		}
		for _, p := range at.Pairs() {
			instances = t.instance(instances, p.Value.As(p.Key), p.Value)
		}
	}
	setList(e, "instances", instances)
	t.entered(credential{entry: e, hosts: hosts}, name, "the service account needs the annotation pod-identity.alibabacloud.com/role-name that Ratify's has, and its namespace the label pod-identity.alibabacloud.com/injection")
}

// instance adds one of which everything is known.
func (t *translator) instance(all []*commented.Node, name, id source.Value) []*commented.Node {
	one := commented.Map()
	t.setting(one, "instanceName", name)
	t.setting(one, "instanceId", id)
	if variable(name.Text()+id.Text()) != "" {
		return all
	}
	return append(all, one)
}

func entry(provider config.CredentialProvider, name source.Value) *commented.Node {
	return commented.Map(commented.Entry{Key: "provider", Value: commented.Text(string(provider), name.From())})
}
