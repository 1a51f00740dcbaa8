// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// credentials translates where a store has its credentials from. Credentials
// themselves are never copied.
func (t *translator) credentials(v source.Value) {
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
	default:
		t.unknownCredentials(v, name)
	}
}

func (t *translator) dockerConfig(v source.Value) {
	path := v.Get("configPath")
	if path.Text() == "" {
		return
	}
	t.variables(nil, path)
	t.plan.configuration.dockerPath = commented.Text(t.expand(path.Text()), path.From())
	path.Add(finding.Note, "has to be there when opa-ratify starts", "mount the file")
}

// static has the credentials in the resource.
func (t *translator) static(v source.Value) {
	empty := v.Get("username").Text() == "" && v.Get("password").Text() == ""
	v.Skip()
	if !empty {
		v.Add(finding.NoCounterpart, "credentials are not copied", "put them into Docker's config.json and name that in plugins.ratify.docker_config.path")
	}
}

// unknownCredentials keeps the settings of a provider as a comment.
func (t *translator) unknownCredentials(v, name source.Value) {
	name.Add(finding.NoCounterpart, fmt.Sprintf("credential provider %q is a comment in config.yaml, not an entry; until it is one, registries are asked with Docker's config.json, or anonymously", name.Text()),
		"write the entry of plugins.ratify.credentials from the comment (builtins/plugin/README.md, Credentials), or put credentials into Docker's config.json (plugins.ratify.docker_config.path)")
	c := &t.plan.configuration
	c.remarks = append(c.remarks, "", "credentials:", "  - provider: "+quoted(ours(name.Text()))+"  "+comment(name))
	t.details("    ", v, name)
}

// details writes the settings of a provider, and of objects and lists in it.
func (t *translator) details(indent string, v, name source.Value) {
	for _, p := range v.Pairs() {
		switch {
		case p.Value.Node() == name.Node() || !p.Value.Exists():
		case secret(p.Key):
			p.Value.Skip()
			p.Value.Add(finding.NoCounterpart, "may be a credential and was not copied", "")
		case p.Value.IsMap():
			t.plan.configuration.remarks = append(t.plan.configuration.remarks, indent+snake(p.Key)+":")
			t.details(indent+"  ", p.Value, name)
		case p.Value.IsList():
			t.plan.configuration.remarks = append(t.plan.configuration.remarks, indent+snake(p.Key)+":")
			for _, item := range p.Value.List() {
				t.item(indent, item, name)
			}
		default:
			t.remark(indent, p.Value)
		}
	}
}

func (t *translator) item(indent string, item, name source.Value) {
	if !item.IsMap() {
		t.plan.configuration.remarks = append(t.plan.configuration.remarks, indent+"  - "+quoted(item.Text())+"  "+comment(item))
		return
	}
	t.plan.configuration.remarks = append(t.plan.configuration.remarks, indent+"  -")
	t.details(indent+"    ", item, name)
}

func secret(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{"password", "token", "accesskey", "credential", "privatekey"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// ours is the name a provider of Ratify's has in this project.
func ours(name string) string {
	switch strings.ToLower(name) {
	case "azureworkloadidentity", "azuremanagedidentity", "azure":
		return "azure_acr"
	case "k8secrets":
		return "kubernetes_secrets"
	case "awsecrbasic", "aws":
		return "aws_ecr"
	case "alibabacloudacrbasic", "alibabacloud":
		return "alibabacloud_acr"
	}
	return name
}

// settings takes over what the set implies for the configuration.
func (t *translator) settings() {
	for _, s := range t.set.Settings {
		if !plausible(s) {
			s.At.Add(finding.NoCounterpart, "lies outside of what the setting "+s.Path+" allows; the default stays", "")
			continue
		}
		t.plan.configuration.settings = append(t.plan.configuration.settings, s)
	}
}

// plausible: timeouts are a minute at most.
func plausible(s resource.Setting) bool {
	const longest = 60_000 // milliseconds
	var n int
	if _, err := fmt.Sscanf(s.Text, "%dms", &n); err != nil {
		return true
	}
	return n > 0 && n <= longest
}
