// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
)

// configuration is plugins.ratify.
type configuration struct {
	registries   []registrySetting
	credentials  []*commented.Node
	keyProviders []*commented.Node
	dockerPath   *commented.Node // nil: Docker's default
	settings     []resource.Setting
	vaults       map[string]string // names of key vaults and what is wrong with them
}

// registrySetting is one entry of registries.
type registrySetting struct {
	match string
	from  string
	plain *commented.Node
	ca    *commented.Node
}

// problem says why an entry of a list of plugins.ratify cannot be configured, ""
// if it can.
func (o Options) problem(list string, entry *commented.Node) string {
	raw, err := yaml.Marshal(commented.Map(commented.Entry{Key: list, Value: commented.List(entry)}))
	var c *config.Config
	if err == nil {
		c, err = config.Parse(raw)
	}
	if err == nil && o.Configurable != nil {
		err = o.Configurable(c)
	}
	if err == nil {
		return ""
	}
	return strings.Join(reasons(err, list), "; ")
}

// reasons drops from the problems of an entry where in a configuration it stands.
func reasons(err error, list string) []string {
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		var all []string
		for _, e := range joined.Unwrap() {
			all = append(all, reasons(e, list)...)
		}
		return all
	}
	if wrong, ok := errors.AsType[*config.Error](err); ok {
		setting := strings.TrimPrefix(wrong.Path, fmt.Sprintf("plugins.ratify.%s[0]", list))
		return []string{strings.TrimSpace(strings.TrimPrefix(setting, ".") + " " + wrong.Problem)}
	}
	return []string{err.Error()}
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
