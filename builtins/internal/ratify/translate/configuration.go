// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
)

// configuration is plugins.ratify.
type configuration struct {
	registries  []registrySetting
	dockerPath  *commented.Node // nil: Docker's default
	credentials []credential
	vaults      []vault
	settings    []resource.Setting
}

// registrySetting is one entry of registries.
type registrySetting struct {
	match string
	from  string
	plain *commented.Node
	ca    *commented.Node
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

const configurationHead = `How opa-ratify reaches registries and key services, migrated from Ratify:
  opa-ratify run --server -b . -c config.yaml
`

func (p *Plan) configurationFile() ([]byte, error) {
	root := commented.Map(commented.Entry{Key: "plugins", Value: commented.Map(commented.Entry{Key: "ratify", Value: p.section()})})
	return commented.Document(configurationHead, root)
}

// section is the content of plugins.ratify.
func (p *Plan) section() *commented.Node {
	c := &p.configuration
	section := commented.Map()
	setList(section, "registries", c.registryEntries())
	if c.dockerPath != nil {
		commented.Set(section, "docker_config", commented.Map(commented.Entry{Key: "path", Value: c.dockerPath}), "")
	}
	setList(section, "credentials", c.credentialEntries())
	setList(section, "key_providers", c.vaultEntries())
	seen := map[string]bool{}
	for _, s := range c.settings {
		if seen[s.Path] {
			continue
		}
		seen[s.Path] = true
		set(section, strings.Split(s.Path, "."), commented.Plain(s.Text, "!!str", s.At.From()))
	}
	return section
}

func (c *configuration) registryEntries() []*commented.Node {
	var all []*commented.Node
	for _, r := range c.registries {
		all = append(all, commented.Map(
			commented.Entry{Key: "match", Value: commented.Text(r.match, r.from)},
			commented.Entry{Key: "plain_http", Value: r.plain},
			commented.Entry{Key: "ca", Value: r.ca},
		))
	}
	return all
}

// setList writes a list that has something in it.
func setList(m *commented.Node, key string, entries []*commented.Node) {
	if len(entries) > 0 {
		commented.Set(m, key, commented.List(entries...), "")
	}
}

// set writes a value below keys, beside what is there.
func set(m *commented.Node, keys []string, value *commented.Node) {
	if len(keys) == 1 {
		commented.Set(m, keys[0], value, "")
		return
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == keys[0] {
			set(m.Content[i+1], keys[1:], value)
			return
		}
	}
	child := commented.Map()
	set(child, keys[1:], value)
	commented.Set(m, keys[0], child, "")
}
