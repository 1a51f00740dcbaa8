// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// setting copies a setting that is there into an entry.
func (t *translator) setting(entry *commented.Node, key string, v source.Value) {
	if text := t.settled(v); text != "" {
		commented.Set(entry, key, commented.Text(text, v.From()), "")
	}
}

// settled is the text of a value, "" if a variable in it was not replaced: as a
// setting it would keep opa-ratify from starting.
func (t *translator) settled(v source.Value) string {
	t.variables(nil, v)
	if text := v.Text(); variable(text) == "" {
		return text
	}
	return ""
}

// same compares entries without their comments.
func same(a, b *commented.Node) bool {
	return a.Kind == b.Kind && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, same)
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
