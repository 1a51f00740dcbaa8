// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/util"
	"gopkg.in/yaml.v3"
)

// document is one data file.
type document struct {
	File      string    `json:"file"`
	Path      []string  `json:"path"` // where in data it goes
	Value     any       `json:"value"`
	Locations locations `json:"locations"`
}

// locations are places by JSON pointer: of an object's member its key, of an
// array's element its begin. What is missing is where its parent is.
type locations map[string]position

func newDocument(f source) (document, error) {
	d := document{File: f.name, Path: []string{}, Locations: locations{"": {1, 1}}}
	if dir := path.Dir(f.inner); dir != "." {
		d.Path = strings.Split(dir, "/")
	}
	if err := util.Unmarshal(f.text, &d.Value); err != nil { // as OPA reads it
		return d, fmt.Errorf("parse %s: %w", f.name, err)
	}
	if path.Ext(f.inner) == ".json" {
		j := jsonPlaces{text: f.text, decoder: json.NewDecoder(bytes.NewReader(f.text)), found: d.Locations}
		j.value("")
		return d, nil
	}
	var root yaml.Node
	if err := yaml.Unmarshal(f.text, &root); err == nil {
		d.Locations.addYAML(&root, "")
	}
	return d, nil
}

func (l locations) addYAML(node *yaml.Node, pointer string) {
	switch node.Kind {
	case yaml.DocumentNode:
		for _, child := range node.Content {
			l.addYAML(child, pointer)
		}
	case yaml.SequenceNode:
		for i, child := range node.Content {
			l.addYAMLAt(child, child, step(pointer, strconv.Itoa(i)))
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			l.addYAMLAt(node.Content[i], node.Content[i+1], step(pointer, node.Content[i].Value))
		}
	case yaml.ScalarNode, yaml.AliasNode: // what an alias repeats has its place already
	}
}

func (l locations) addYAMLAt(place, node *yaml.Node, pointer string) {
	l[pointer] = position{place.Line, place.Column}
	l.addYAML(node, pointer)
}

// below are the locations of what lies at pointer.
func (l locations) below(pointer string) locations {
	found := locations{"": l.at(pointer)}
	for p, place := range l {
		if rest, ok := strings.CutPrefix(p, pointer+"/"); ok {
			found["/"+rest] = place
		}
	}
	return found
}

// at is the place of pointer, or of the nearest parent that has one.
func (l locations) at(pointer string) position {
	for {
		if place, ok := l[pointer]; ok || pointer == "" {
			return place
		}
		pointer = pointer[:strings.LastIndex(pointer, "/")]
	}
}

// step is one reference token more, escaped.
func step(pointer, token string) string {
	return pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

// jsonPlaces finds the places in a JSON text that is known to be valid. YAML's
// parser would not do: it takes no tabs.
type jsonPlaces struct {
	text    []byte
	decoder *json.Decoder
	found   locations
}

func (j *jsonPlaces) value(pointer string) {
	token, err := j.decoder.Token()
	if err != nil {
		return
	}
	if _, known := j.found[pointer]; !known {
		j.found[pointer] = j.place(token)
	}
	for i := 0; j.decoder.More(); i++ {
		switch token {
		case json.Delim('{'):
			name, err := j.decoder.Token()
			if err != nil {
				return
			}
			inner := step(pointer, fmt.Sprint(name))
			j.found[inner] = j.place(name)
			j.value(inner)
		case json.Delim('['):
			j.value(step(pointer, strconv.Itoa(i)))
		default:
			return
		}
	}
	if token == json.Delim('{') || token == json.Delim('[') {
		_, _ = j.decoder.Token() // the closing one
	}
}

// place is where the token that was read last begins, as far as it is written
// without escapes.
func (j *jsonPlaces) place(token json.Token) position {
	begin := int(j.decoder.InputOffset()) - 1
	if s, ok := token.(string); ok {
		begin -= len(s) + 1
	}
	before := j.text[:max(begin, 0)]
	return position{bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')}
}
