// SPDX-License-Identifier: Apache-2.0

package chartvalues

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"gopkg.in/yaml.v3"
)

// Schema is the JSON schema of the values, draft 7, which Helm checks them by.
func Schema(sections []Section) ([]byte, error) {
	properties := map[string]any{
		"global": map[string]any{"type": "object", "description": "What Helm hands to every chart of a parent."},
	}
	for _, s := range sections {
		for _, v := range s.Values {
			properties[v.Path] = v.schema()
		}
	}
	raw, err := json.MarshalIndent(map[string]any{
		"$schema": "http://json-schema.org/draft-07/schema#",
		"type":    "object", "additionalProperties": false, "properties": properties,
	}, "", "  ")
	return append(raw, '\n'), err
}

func (v *Value) schema() map[string]any {
	schema := map[string]any{"type": kind(v.Default)}
	if len(v.Children) > 0 {
		properties := map[string]any{}
		for _, child := range v.Children {
			properties[child.Path[strings.LastIndex(child.Path, ".")+1:]] = child.schema()
		}
		schema["additionalProperties"], schema["properties"] = false, properties
	}
	if v.Comment != "" {
		schema["description"] = v.Comment
	}
	maps.Copy(schema, v.Overlay)
	if _, ok := v.Overlay["enum"]; ok {
		delete(schema, "type")
	}
	return schema
}

// kind is the JSON type of a default.
func kind(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "object"
	case node.Kind == yaml.SequenceNode:
		return "array"
	case node.Tag == "!!bool":
		return "boolean"
	case node.Tag == "!!int":
		return "integer"
	default:
		return "string"
	}
}

// Table is the sections as Markdown, a table for each.
func Table(sections []Section) (string, error) {
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "\n### %s\n\n| value | default | meaning |\n| --- | --- | --- |\n", s.Title)
		for _, v := range s.Values {
			if err := v.rows(&b); err != nil {
				return "", err
			}
		}
	}
	return b.String() + "\n", nil
}

func (v *Value) rows(b *strings.Builder) error {
	if len(v.Children) == 0 {
		text, err := v.text()
		if err != nil {
			return fmt.Errorf("%s: %w", v.Path, err)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", v.Path, text, strings.ReplaceAll(v.Comment, "|", `\|`))
	}
	for _, child := range v.Children {
		if err := child.rows(b); err != nil {
			return err
		}
	}
	return nil
}

// text is the default as JSON in a cell; what is empty is left out.
func (v *Value) text() (string, error) {
	var value any
	if err := v.Default.Decode(&value); err != nil {
		return "", err
	}
	raw, err := json.Marshal(value)
	switch text := string(raw); text {
	case `""`, "[]", "{}", "null":
		return "", err
	default:
		return "`" + strings.Trim(text, `"`) + "`", err
	}
}
