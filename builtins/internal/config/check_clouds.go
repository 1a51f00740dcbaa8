// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/alibabacloudacr"
)

// What Ratify calls the two identities by which Azure is asked.
const (
	azureWorkloadIdentity = "azureWorkloadIdentity"
	azureManagedIdentity  = "azureManagedIdentity"
)

// named takes the method from a name of Ratify's that says it.
func (e *Credential) named(provider string) {
	if provider == azureManagedIdentity {
		e.Azure.Identity.Method = "managed_identity"
	}
}

func (e *Credential) checkAzure(d *decoder, path string) {
	if e.Match != "" && len(e.Azure.Endpoints) > 0 {
		d.report(path+".endpoints", "is set beside match; write the hosts in one of them")
	}
	for i, p := range e.Azure.Endpoints {
		e.Azure.Endpoints[i] = checkPattern(d, fmt.Sprintf("%s.endpoints[%d]", path, i), p)
	}
}

func (k *AzureKeys) check(d *decoder, path string) {
	if k.VaultURI == "" {
		d.missing(path, "vault_uri", "https://NAME.vault.azure.net")
	}
	if len(k.Certificates)+len(k.Keys) == 0 {
		d.missing(path, "keys", "these or certificates: those that trust documents may name")
	}
	for _, list := range []struct {
		setting string
		objects []AzureObject
	}{{"certificates", k.Certificates}, {"keys", k.Keys}} {
		for i, o := range list.objects {
			at := fmt.Sprintf("%s.%s[%d]", path, list.setting, i)
			if o.Name == "" {
				d.missing(at, "name", "the name in the vault")
			}
			checkVersions(d, at, o.Version, o.Versions)
		}
	}
}

func checkVersions(d *decoder, path, version string, versions []string) {
	if version != "" && len(versions) > 0 {
		d.report(path+".version", "is set beside versions; write all in versions")
	}
}

// read takes every shape that package alibabacloudacr knows.
func (all *AlibabaInstances) read(d *decoder, n *yaml.Node, path string) {
	var v any
	if err := n.Decode(&v); err != nil {
		d.report(path, "cannot be read: a key is there twice, or a value is an alias; write [{instanceName: name, instanceId: cri-…}]")
		return
	}
	found, problems := alibabacloudacr.ParseInstances(v)
	if len(problems) > 0 {
		d.report(path, "%s", strings.ReplaceAll(errors.Join(problems...).Error(), "\n", "; "))
	}
	for _, i := range found {
		*all = append(*all, AlibabaInstance{Name: i.Key, ID: i.ID})
	}
}

func (c *AlibabaCredentials) check(d *decoder, path string) {
	for i, h := range c.Hosts {
		at := fmt.Sprintf("%s.hosts[%d]", path, i)
		if h.Host == "" || h.Region == "" || h.Instance == "" {
			d.report(at, "needs host, region and instance")
		}
	}
}

func (k *AlibabaKeys) check(d *decoder, path string) {
	if k.Region == "" {
		d.missing(path, "region", "that of the keys, cn-hangzhou")
	}
	k.CertificateAuthorities = loadCAFile(d, path+".ca_file", k.CAFile)
	if len(k.Keys)+len(k.Secrets)+len(k.Certificates) == 0 {
		d.missing(path, "keys", "these, secrets or certificates: those that trust documents may name")
	}
	seen := map[string]bool{}
	for _, list := range []struct {
		setting string
		items   []AlibabaItem
	}{{"keys", k.Keys}, {"secrets", k.Secrets}, {"certificates", k.Certificates}} {
		for i, item := range list.items {
			at := fmt.Sprintf("%s.%s[%d]", path, list.setting, i)
			checkItem(d, at, CloudKey{Name: item.Name, ID: item.ID}, seen)
			checkVersions(d, at, item.Version, item.Versions)
		}
	}
}

// checkItem wants an id, and a name of its own to tell it by.
func checkItem(d *decoder, path string, k CloudKey, seen map[string]bool) {
	name := k.Name
	if name == "" {
		name = k.ID
	}
	switch {
	case k.ID == "":
		d.missing(path, "id", "what the service calls it")
	case seen[name]:
		d.report(path+".name", "%s is also that of an earlier entry; give each its own, and list versions under one", quote(name))
	}
	seen[name] = true
}

func (k *AWSKeys) check(d *decoder, path string) {
	if k.Region == "" {
		d.missing(path, "region", "that of the keys, eu-central-1")
	}
	checkCloudKeys(d, path, k.Keys)
}

func checkCloudKeys(d *decoder, path string, keys []CloudKey) {
	if len(keys) == 0 {
		d.missing(path, "keys", "the keys that trust documents may name")
	}
	seen := map[string]bool{}
	for i, k := range keys {
		checkItem(d, fmt.Sprintf("%s.keys[%d]", path, i), k, seen)
	}
}
