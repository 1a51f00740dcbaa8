// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
)

// Value is a value in a file, or the absence of one (the zero value, and what is
// null). It knows where it stands and notes what was read of it. It is not for
// concurrent use.
type Value struct {
	node  *yaml.Node
	key   *yaml.Node // where it stands: its key, or what it is missing from; nil for a root
	file  *file
	owner string // "Verifier/verifier-notation"
	path  string // below the owner, "spec.parameters"
}

// file is what the values of one document share.
type file struct {
	name     string
	findings *finding.List
	read     map[*yaml.Node]bool     // keys somebody asked for
	asked    map[*yaml.Node][]string // what keys somebody asked for, by map
	origins  map[*yaml.Node]string   // where nodes of a made document come from
}

// Exists reports whether there is something other than null.
func (v Value) Exists() bool { return v.node != nil && v.node.Tag != "!!null" }

// IsMap reports an object.
func (v Value) IsMap() bool { return v.Exists() && v.node.Kind == yaml.MappingNode }

// IsList reports a list.
func (v Value) IsList() bool { return v.Exists() && v.node.Kind == yaml.SequenceNode }

// IsText reports a string.
func (v Value) IsText() bool {
	return v.Exists() && v.node.Kind == yaml.ScalarNode && v.node.Tag == "!!str"
}

// Named returns v as the root of what the findings call owner.
func (v Value) Named(owner string) Value {
	v.owner, v.path = owner, ""
	return v
}

// Get returns the value of a key, as Go's JSON finds it: exactly, or else
// whatever the case of its letters.
func (v Value) Get(key string) Value {
	if !v.IsMap() {
		return Value{key: v.where(), file: v.file, owner: v.owner, path: v.below(key)}
	}
	var found *yaml.Node
	path, at := v.below(key), v.where()
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		k := v.node.Content[i]
		if k.Value == key || found == nil && strings.EqualFold(k.Value, key) {
			v.file.read[k] = true
			found, path, at = v.node.Content[i+1], v.below(k.Value), k
		}
	}
	if !slices.Contains(v.file.asked[v.node], key) {
		v.file.asked[v.node] = append(v.file.asked[v.node], key)
	}
	return Value{node: found, key: at, file: v.file, owner: v.owner, path: path}
}

// where is the node whose place is v's: of what has several lines its key.
func (v Value) where() *yaml.Node {
	if v.node == nil || v.key != nil && v.key.Line > 0 && v.node.Kind != yaml.ScalarNode {
		return v.key
	}
	return v.node
}

// At follows keys.
func (v Value) At(keys ...string) Value {
	for _, key := range keys {
		v = v.Get(key)
	}
	return v
}

// List returns the elements of a list; none if there is nothing.
func (v Value) List() []Value {
	if !v.Exists() {
		return nil
	}
	if !v.IsList() {
		v.Mistake("is "+v.kind()+", not a list; it is not read", "write a list")
		return nil
	}
	items := make([]Value, len(v.node.Content))
	for i, n := range v.node.Content {
		items[i] = Value{node: n, file: v.file, owner: v.owner, path: fmt.Sprintf("%s[%d]", v.path, i)}
	}
	return items
}

// Pair is one entry of a map.
type Pair struct {
	Key   string
	Value Value
}

// Pairs returns the entries of a map in their order; none if there is nothing.
func (v Value) Pairs() []Pair {
	if v.Exists() && !v.IsMap() {
		v.Mistake("is "+v.kind()+", not an object; it is not read", "write an object")
	}
	if !v.IsMap() {
		return nil
	}
	var pairs []Pair
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		k := v.node.Content[i]
		v.file.read[k] = true
		pairs = append(pairs, Pair{k.Value, Value{node: v.node.Content[i+1], key: k, file: v.file, owner: v.owner, path: v.below(k.Value)}})
	}
	return pairs
}

// Text returns a scalar as it is written, "" if there is none.
func (v Value) Text() string {
	if !v.Exists() {
		return ""
	}
	if v.node.Kind != yaml.ScalarNode {
		v.Mistake("is "+v.kind()+", not text; it is not read", "write text")
		return ""
	}
	return v.node.Value
}

// Tag is the YAML type of a scalar, "!!str".
func (v Value) Tag() string {
	if v.node == nil {
		return "!!null"
	}
	return v.node.Tag
}

// Bool returns a truth value; what is absent, or no truth value, is byDefault.
func (v Value) Bool(byDefault bool) bool {
	if !v.Exists() {
		return byDefault
	}
	b, err := strconv.ParseBool(strings.ToLower(v.Text()))
	if err != nil {
		v.Mistake("is neither true nor false", "write one of them")
		return byDefault
	}
	return b
}

// Int returns a whole number that is not negative; false if there is none.
func (v Value) Int() (int, bool) {
	if !v.Exists() {
		return 0, false
	}
	n, err := strconv.Atoi(v.Text())
	if err != nil || n < 0 {
		v.Mistake("is not a whole number", "write one")
		return 0, false
	}
	return n, true
}

// Node returns what v is in YAML, nil if there is nothing.
func (v Value) Node() *yaml.Node { return v.node }

// Place says where v stands.
func (v Value) Place() finding.Place {
	p := finding.Place{From: v.title()}
	if v.file != nil {
		p.File = v.file.name
	}
	if at := v.where(); at != nil {
		p.Line, p.Column = at.Line, at.Column
	}
	if origin, made := v.origin(); made {
		p.From = origin
	}
	return p
}

// From says in one line where v comes from, for comments:
// "Verifier/verifier-notation spec.name (notation.yaml:14)".
func (v Value) From() string {
	p := v.Place()
	at := finding.Place{File: p.File, Line: p.Line}.String()
	switch {
	case p.Line == 0 || v.node == nil:
		return p.From + " (default)"
	case p.From == "":
		return at
	}
	return fmt.Sprintf("%s (%s)", p.From, at)
}

// Add notes a finding about v.
func (v Value) Add(kind finding.Kind, message, remedy string) {
	v.file.findings.Add(kind, v.Place(), message, remedy)
}

// Mistake notes that v is wrong.
func (v Value) Mistake(message, remedy string) { v.Add(finding.Mistake, message, remedy) }

func (v Value) title() string { return strings.TrimSpace(v.owner + " " + v.path) }

func (v Value) origin() (string, bool) {
	if v.file == nil || v.node == nil {
		return "", false
	}
	origin, made := v.file.origins[v.node]
	return origin, made
}

func (v Value) below(key string) string {
	if strings.ContainsAny(key, " .[]\"") {
		key = strconv.Quote(key)
	}
	if v.path == "" {
		return key
	}
	return v.path + "." + key
}

func (v Value) kind() string {
	switch v.node.Kind {
	case yaml.MappingNode:
		return "an object"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}

// As returns text that is part of v, at v's place.
func (v Value) As(text string) Value {
	n := &yaml.Node{}
	n.SetString(text)
	if at := v.where(); at != nil {
		n.Line, n.Column = at.Line, at.Column
	}
	if origin, made := v.origin(); made {
		v.file.origins[n] = origin
	}
	return Value{node: n, file: v.file, owner: v.owner, path: v.path}
}

// Keys returns the keys of a map without reading them.
func (v Value) Keys() []string {
	if !v.IsMap() {
		return nil
	}
	var keys []string
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		keys = append(keys, v.node.Content[i].Value)
	}
	return keys
}
