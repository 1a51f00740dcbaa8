// SPDX-License-Identifier: Apache-2.0

package config

import (
	"reflect"

	"gopkg.in/yaml.v3"
)

// Some objects have settings that depend on one of them: {"type": "file", "path":
// …}. The field that chooses has the tag chooses; the settings of each choice are a
// struct whose tag when is the choice.

// setting is one key of an object and the field it fills.
type setting struct {
	name, alias string
	chooses     bool
	value       reflect.Value
}

// settings lists those of a struct in the order of its fields, with those of the
// choice.
func settings(v reflect.Value, choice string) []setting {
	var all []setting
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		switch when := tag.Get("when"); {
		case when != "" && when == choice:
			all = append(all, settings(v.Field(i), "")...)
		case when != "" || tag.Get("yaml") == "-":
		default:
			all = append(all, setting{tag.Get("yaml"), tag.Get("alias"), tag.Get("chooses") != "", v.Field(i)})
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
		if made == nil {
			made = child(n, s.alias)
		}
		if made == nil {
			d.lines[path+"."+s.name] = d.lines[path]
			d.report(path+"."+s.name, "is missing; without it the other settings mean nothing")
			return common, false
		}
		d.value(made, s.value, path+"."+s.name)
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

func orAlias(s setting) string {
	if s.alias == "" {
		return ""
	}
	return ", as " + s.name + " or " + s.alias
}
