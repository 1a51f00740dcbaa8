// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// configuration is plugins.ratify, and what it has no settings for yet.
type configuration struct {
	registries []registrySetting
	dockerPath *commented.Node // nil: Docker's default
	settings   []resource.Setting
	remarks    []string // comment lines, sections that are not known yet
	vaults     []string // names of key vaults that were noted
}

// registrySetting is one entry of registries.
type registrySetting struct {
	match string
	from  string
	plain *commented.Node
	ca    *commented.Node
}

// keyVault notes a key provider as a comment: which identity it is asked by is not
// in the resource.
func (c *configuration) keyVault(t *translator, p resource.KeyProvider) {
	name := strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")
	if slices.Contains(c.vaults, name) {
		return
	}
	c.vaults = append(c.vaults, name)
	p.At.Add(finding.NoCounterpart, fmt.Sprintf("key provider %q is a comment in config.yaml, not an entry: until it is one, images that need its keys or certificates are denied", p.Type),
		"write the entry of plugins.ratify.key_providers from the comment (builtins/plugin/README.md, Key providers), or put the certificate or public key itself into trust/data.yaml")
	c.remarks = append(c.remarks, "", "key_providers:", "  "+quoted(name)+":  "+comment(p.At), "    type: "+quoted(p.Type))
	for _, key := range []string{"vaultURI", "vaultURL", "tenantID", "clientID"} {
		t.remark("    ", p.Parameters.Get(key))
	}
	if p.Refresh.Exists() {
		t.remark("    ", p.Refresh)
	}
	for _, list := range []string{"certificates", "keys"} {
		if items := p.Parameters.Get(list).List(); len(items) > 0 {
			c.remarks = append(c.remarks, "    "+list+":")
			for _, item := range items {
				name, version := item.Get("name"), item.Get("version")
				t.variables(nil, name)
				t.variables(nil, version)
				c.remarks = append(c.remarks, fmt.Sprintf("      - {name: %s, version: %s}  %s", quoted(name.Text()), quoted(version.Text()), comment(item)))
			}
		}
	}
}

// remark adds a comment line for a setting.
func (t *translator) remark(indent string, v source.Value) {
	if !v.Exists() {
		return
	}
	t.variables(nil, v)
	key := v.Place().From
	key = key[strings.LastIndexAny(key, ". ")+1:]
	t.plan.configuration.remarks = append(t.plan.configuration.remarks, fmt.Sprintf("%s%s: %s  %s", indent, snake(key), quoted(v.Text()), comment(v)))
}

func comment(v source.Value) string { return "# from " + v.From() }

func quoted(text string) string { return fmt.Sprintf("%q", text) }

// snake turns tenantID into tenant_id.
func snake(key string) string {
	var b strings.Builder
	for i, r := range key {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 && key[i-1] >= 'a' && key[i-1] <= 'z' {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

// registry adds settings of a registry, or completes those it has.
func (c *configuration) registry(s registrySetting) {
	for i, known := range c.registries {
		if known.match != s.match {
			continue
		}
		if known.plain == nil {
			c.registries[i].plain = s.plain
		}
		if known.ca == nil {
			c.registries[i].ca = s.ca
		}
		return
	}
	c.registries = append(c.registries, s)
}
