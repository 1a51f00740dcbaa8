// SPDX-License-Identifier: Apache-2.0

package chartvalues

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Section is a part of the values under one title.
type Section struct {
	Title  string
	Values []*Value
}

// Value is one value, or an object of values.
type Value struct {
	// Path from the root, "image.tag".
	Path string
	// Comment above it without its marks, in one line.
	Comment string
	// Default is the node below the key.
	Default *yaml.Node
	// Overlay is what `@schema` says; nil if there is none.
	Overlay map[string]any
	// Children of an object that says nothing about itself, in order.
	Children []*Value
}

// Read reads values.yaml. The error names the path of the value that has no comment,
// or whose `@schema` is missing or no YAML.
func Read(raw []byte) ([]Section, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return nil, err
	}
	var sections []Section
	root := document.Content[0]
	above := document.HeadComment + "\n\n"
	for i := 0; i < len(root.Content); i += 2 {
		title, comment := split(above + root.Content[i].HeadComment)
		above = ""
		if title != "" || len(sections) == 0 {
			sections = append(sections, Section{Title: title})
		}
		value, err := read("", root.Content[i], root.Content[i+1], comment)
		if err != nil {
			return nil, err
		}
		last := &sections[len(sections)-1]
		last.Values = append(last.Values, value)
	}
	return sections, nil
}

// split parts the title of a section from the comment of its first value.
func split(comment string) (title, rest string) {
	for paragraph := range strings.SplitSeq(comment, "\n\n") {
		if name, ok := strings.CutPrefix(paragraph, "# == "); ok {
			title = name
		} else {
			rest = paragraph
		}
	}
	return title, rest
}

func read(parent string, key, node *yaml.Node, comment string) (*Value, error) {
	v := &Value{Path: strings.TrimPrefix(parent+"."+key.Value, "."), Default: node}
	text, schema, annotated := strings.Cut(plain(comment), "@schema")
	v.Comment = strings.Join(strings.Fields(text), " ")
	if annotated {
		v.Overlay = map[string]any{}
		if err := yaml.Unmarshal([]byte(schema), &v.Overlay); err != nil {
			return nil, fmt.Errorf("%s: @schema: %w", v.Path, err)
		}
	}
	open := node.Kind == yaml.MappingNode && (len(node.Content) == 0 || annotated)
	switch {
	case !annotated && (open || node.Kind == yaml.SequenceNode || node.Tag == "!!null"):
		return nil, fmt.Errorf("%s: the default implies no schema; write @schema {} or what it holds", v.Path)
	case v.Comment == "" && (open || node.Kind != yaml.MappingNode):
		return nil, fmt.Errorf("%s: has no comment; say what it means", v.Path)
	case open || node.Kind != yaml.MappingNode:
		return v, nil
	}
	for i := 0; i < len(node.Content); i += 2 {
		child, err := read(v.Path, node.Content[i], node.Content[i+1], node.Content[i].HeadComment)
		if err != nil {
			return nil, err
		}
		v.Children = append(v.Children, child)
	}
	return v, nil
}

// plain removes the marks of a comment.
func plain(comment string) string {
	lines := strings.Split(comment, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimPrefix(line, "#"), " ")
	}
	return strings.Join(lines, "\n")
}
