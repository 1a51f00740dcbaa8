// SPDX-License-Identifier: Apache-2.0

package config

import (
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Some objects have settings that depend on one of them: {"type": "file", "path":
// …}. The field that chooses has the tag chooses; the settings of each choice are a
// struct whose tag when is the choice.

// A struct that several of these have in common has the tag inline: its settings
// stand among the others.

// setting is one key of an object and the field it fills.
type setting struct {
	name    string
	aliases []string
	chooses bool
	value   reflect.Value
}

// is reports whether key is the setting's name, or an alias of it.
func (s setting) is(key string) bool { return s.name == key || slices.Contains(s.aliases, key) }

// named is what may be chosen by names that say more than the choice.
type named interface{ named(name string) }

// settings lists those of a struct in the order of its fields, with those of the
// choice.
func settings(v reflect.Value, choice string) []setting {
	var all []setting
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		switch when := tag.Get("when"); {
		case tag.Get("inline") != "", when != "" && when == choice:
			all = append(all, settings(v.Field(i), "")...)
		case when != "" || tag.Get("yaml") == "-":
		default:
			aliases := strings.FieldsFunc(tag.Get("alias"), func(r rune) bool { return r == ',' })
			all = append(all, setting{tag.Get("yaml"), aliases, tag.Get("chooses") != "", v.Field(i)})
		}
	}
	return all
}

// choose lists the settings that n may have. It reports false if there is a choice
// to make and it is missing or wrong, which is reported: nothing is known then
// about the other settings.
func (d *decoder) choose(n *yaml.Node, v reflect.Value, path string) ([]setting, bool) {
	common := settings(v, "")
	for _, s := range common {
		if !s.chooses {
			continue
		}
		before := len(d.problems)
		made := child(n, s.name)
		for _, alias := range s.aliases {
			if made == nil {
				made = child(n, alias)
			}
		}
		if made == nil {
			d.lines[path+"."+s.name] = d.lines[path]
			d.report(path+"."+s.name, "is missing; without it the other settings mean nothing")
			return common, false
		}
		d.value(made, s.value, path+"."+s.name)
		if o, ok := reflect.TypeAssert[named](v.Addr()); ok {
			o.named(made.Value)
		}
		return settings(v, s.value.String()), len(d.problems) == before
	}
	return common, true
}

func names(all []setting) []string {
	list := make([]string, len(all))
	for i, s := range all {
		list[i] = s.name
	}
	return list
}

// twice says what to do about a setting that stands there a second time.
func twice(s setting, known []setting) string {
	switch {
	case slices.ContainsFunc(known, func(other setting) bool { return other.name == s.name+"s" }):
		return "; one would be lost; write both as " + s.name + "s: [..]"
	case len(s.aliases) > 0:
		return ", as " + s.name + " or " + strings.Join(s.aliases, " or ") + "; remove one"
	default:
		return "; remove one"
	}
}
