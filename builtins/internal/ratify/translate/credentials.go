// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// credential is an entry of credentials.
type credential struct {
	entry *commented.Node
	hosts []string // it is for; nil: every registry of the provider
	said  bool     // the entry itself has them; otherwise they become its match
}

// credentials translates where a store has its credentials from, for the hosts of
// its scopes; nil: for all. Credentials themselves are never copied.
//
// Spec: Ratify v1.4, pkg/common/oras/authprovider; Ratify v2, internal/store/credentialprovider.
func (t *translator) credentials(v source.Value, hosts []string) {
	if !v.Exists() {
		return
	}
	name := v.Get("name")
	if !name.Exists() {
		name = v.Get("provider")
	}
	switch strings.ToLower(name.Text()) {
	case "dockerconfig", "":
		t.dockerConfig(v)
	case "static":
		t.static(v)
	case "azureworkloadidentity", "azuremanagedidentity", "azure":
		t.azure(v, name, hosts)
	case "k8secrets":
		t.kubernetesSecrets(v, name, hosts)
	case "awsecrbasic", "aws":
		t.amazon(v, name, hosts)
	case "alibabacloudacrbasic", "alibabacloud":
		t.alibaba(v, name, hosts)
	default:
		v.Skip()
		name.Add(finding.NoCounterpart, t.notFound()+fmt.Sprintf("the credential provider %q is not known here; registries are asked with Docker's config.json, or anonymously", name.Text()),
			"write an entry of plugins.ratify.credentials (builtins/plugin/README.md, Credentials)")
	}
}

func (t *translator) dockerConfig(v source.Value) {
	path := v.Get("configPath")
	if text := t.settled(path); text != "" {
		t.plan.configuration.dockerPath = commented.Text(t.expand(text), path.From())
		path.Add(finding.Note, "has to be there when opa-ratify starts", "mount the file")
	}
}

// static has the credentials in the resource.
func (t *translator) static(v source.Value) {
	empty := v.Get("username").Text() == "" && v.Get("password").Text() == ""
	v.Skip()
	if !empty {
		v.Add(finding.NoCounterpart, "credentials are not copied", "put them into Docker's config.json and name that in plugins.ratify.docker_config.path")
	}
}

// entered adds an entry, or its hosts to the one that is there, or says what is wrong
// with it. remedy is what its provider needs of the pod.
func (t *translator) entered(one credential, name source.Value, remedy string) {
	if wrong := t.problem("credentials", one.entry); wrong != "" {
		name.Mistake(fmt.Sprintf("credential provider %q: %s; until that is corrected, registries are asked with Docker's config.json, or anonymously", name.Text(), wrong),
			"see builtins/plugin/README.md, Credentials")
		return
	}
	c := &t.plan.configuration
	taken := c.taken(one)
	if len(taken) > 0 {
		name.Add(finding.NoCounterpart, "another store has its own credentials for "+strings.Join(taken, ", ")+", and those are used: they are of a registry here, not of a store", "give both stores the same identity")
	}
	if !one.said {
		one.hosts = slices.DeleteFunc(slices.Clone(one.hosts), func(host string) bool { return slices.Contains(taken, host) })
	}
	if len(taken) > 0 && len(one.hosts) == 0 {
		return
	}
	name.Add(finding.Note, "registries are asked as the pod that opa-ratify runs in, not as Ratify's", remedy)
	for i, known := range c.credentials {
		if same(known.entry, one.entry) {
			c.credentials[i] = known.with(one)
			return
		}
	}
	c.credentials = append(c.credentials, one)
}

// taken are the hosts of an entry that another one is for, which comes before it.
func (c *configuration) taken(one credential) []string {
	var hosts []string
	for _, known := range c.credentials {
		switch {
		case same(known.entry, one.entry):
		case len(known.hosts)+len(one.hosts) == 0 && same(known.provider(), one.provider()):
			hosts = append(hosts, "every registry of "+one.provider().Value)
		default:
			for _, host := range one.hosts {
				if slices.Contains(known.hosts, host) {
					hosts = append(hosts, host)
				}
			}
		}
	}
	return hosts
}

func (c credential) provider() *commented.Node { return c.entry.Content[1] } // {"provider": …} comes first

// with is for the hosts of both.
func (c credential) with(other credential) credential {
	if len(c.hosts) == 0 || len(other.hosts) == 0 {
		c.hosts = nil
		return c
	}
	for _, host := range other.hosts {
		if !slices.Contains(c.hosts, host) {
			c.hosts = append(c.hosts, host)
		}
	}
	return c
}

// credentialEntries are the credentials as they are written, each for its own hosts
// alone.
func (c *configuration) credentialEntries() []*commented.Node {
	var all [3][]*commented.Node // by breadth: the first that is for a registry is asked
	for _, one := range c.credentials {
		if one.said || len(one.hosts) == 0 {
			all[breadth(one.hosts)] = append(all[breadth(one.hosts)], one.entry)
			continue
		}
		for _, host := range one.hosts {
			e := commented.Map(commented.Entry{Key: "match", Value: commented.Text(host, "")})
			e.Content = append(e.Content, one.entry.Content...)
			i := breadth([]string{host})
			all[i] = append(all[i], e)
		}
	}
	return slices.Concat(all[:]...)
}

// breadth is 0 for hosts, 1 if there are patterns among them, 2 for every registry.
func breadth(hosts []string) int {
	switch {
	case len(hosts) == 0:
		return 2
	case slices.ContainsFunc(hosts, func(host string) bool { return strings.HasPrefix(host, "*") }):
		return 1
	}
	return 0
}
