// SPDX-License-Identifier: Apache-2.0

// Package commented writes YAML in which each line says where it came from.
package commented

import (
	"bytes"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
)

// Node is a value with its comments; make it with [Text], [Bool], [Number],
// [List] and [Map].
type Node = yaml.Node

// Text returns a string that came from a place; "" for no comment. A private key
// is not repeated.
func Text(text, from string) *Node {
	n := &Node{}
	n.SetString(finding.Redact(text))
	n.LineComment = comment(from)
	return n
}

// Bool returns a truth value that came from a place.
func Bool(value bool, from string) *Node {
	return &Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(value), LineComment: comment(from)}
}

// Number returns a whole number that came from a place.
func Number(value int, from string) *Node {
	return &Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(value), LineComment: comment(from)}
}

// Plain returns a scalar that keeps the type it had in other YAML.
func Plain(text, tag, from string) *Node {
	if tag != "!!bool" && tag != "!!int" && tag != "!!float" && tag != "!!null" {
		return Text(text, from)
	}
	return &Node{Kind: yaml.ScalarNode, Tag: tag, Value: text, LineComment: comment(from)}
}

// List returns a list.
func List(items ...*Node) *Node { return &Node{Kind: yaml.SequenceNode, Content: items} }

// Entry is one key of a map.
type Entry struct {
	Key   string
	Value *Node // nil: the entry is left out
	From  string
}

// Map returns a map in the order of the entries.
func Map(entries ...Entry) *Node {
	m := &Node{Kind: yaml.MappingNode}
	for _, e := range entries {
		Set(m, e.Key, e.Value, e.From)
	}
	return m
}

// Set adds a key at the end of a map. A nil value adds nothing.
func Set(m *Node, key string, value *Node, from string) {
	if value == nil {
		return
	}
	k := Text(key, "")
	switch {
	case value.Kind == yaml.ScalarNode:
		if value.LineComment == "" {
			value.LineComment = comment(from)
		}
	case len(value.Content) == 0:
		value.Style = yaml.FlowStyle // a comment on the key would end up between it and its value
		value.LineComment = comment(from)
	default:
		k.LineComment = comment(from)
	}
	m.Content = append(m.Content, k, value)
}

// Document writes a map below a head of comment lines, which have no "# " yet.
func Document(head string, root *Node) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(Lines(head))
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// Lines makes comment lines of text.
func Lines(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(finding.Redact(text), "\n"), "\n") {
		b.WriteString(strings.TrimRight("# "+finding.OneLine(line), " ") + "\n")
	}
	return b.String()
}

func comment(from string) string {
	if from == "" {
		return ""
	}
	return "# from " + finding.OneLine(from)
}
