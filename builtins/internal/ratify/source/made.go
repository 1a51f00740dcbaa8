// SPDX-License-Identifier: Apache-2.0

package source

import "gopkg.in/yaml.v3"

// Maker makes documents out of values of another one, as a chart does. What is
// reused keeps its place.
type Maker struct{ file *file }

// NewMaker returns a maker of documents from the values of v's document.
func NewMaker(v Value) *Maker {
	made := newFile(v.file.name, v.file.findings)
	made.origins = map[*yaml.Node]string{}
	return &Maker{made}
}

// Reuse returns v as part of a made document, nil if there is nothing.
func (m *Maker) Reuse(v Value) *yaml.Node {
	if !v.Exists() {
		return nil
	}
	v.Skip()
	m.note(v)
	return v.node
}

func (m *Maker) note(v Value) {
	m.file.origins[v.node] = v.title()
	switch {
	case v.IsMap():
		for _, p := range v.Pairs() {
			m.note(p.Value)
		}
	case v.IsList():
		for _, item := range v.List() {
			m.note(item)
		}
	}
}

// Default returns text that stands nowhere: who makes documents has it.
func (m *Maker) Default(text, of string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	m.file.origins[n] = of
	return n
}

// Text returns text that stands at v's place.
func (m *Maker) Text(text string, v Value) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	if at := v.where(); at != nil {
		n.Line, n.Column = at.Line, at.Column
	}
	m.file.origins[n] = v.title()
	return n
}

// List returns a list of what is there.
func (*Maker) List(items ...*yaml.Node) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, item := range items {
		if item != nil {
			list.Content = append(list.Content, item)
		}
	}
	return list
}

// Field is a key of a made map.
type Field struct {
	Key   string
	Value *yaml.Node // nil: it is left out
}

// Map returns a map of what is there.
func (*Maker) Map(fields ...Field) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range fields {
		if f.Value != nil {
			k := &yaml.Node{}
			k.SetString(f.Key)
			n.Content = append(n.Content, k, f.Value)
		}
	}
	return n
}

// Root returns a made document that v is the reason for.
func (m *Maker) Root(n *yaml.Node, v Value) Value {
	if at := v.where(); at != nil && v.Exists() {
		n.Line, n.Column = at.Line, at.Column
	}
	m.file.origins[n] = v.title()
	return Value{node: n, file: m.file, owner: "values"}
}
