// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxDocument bounds a trust document in bytes: some thousand certificates.
const maxDocument = 16 << 20

// maxDepth bounds the nesting of a trust document; the deepest legal value has
// six levels.
const maxDepth = 32

// decodeTree reads one JSON value. encoding/json alone would let a later key
// silently replace an earlier one of the same name, and match keys whatever
// their case: two readers could then see two different documents.
func decodeTree(raw []byte) (any, error) {
	if len(raw) > maxDocument {
		return nil, &Error{Problem: fmt.Sprintf("it has %d bytes, at most %d are allowed", len(raw), maxDocument)}
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	tree, err := decodeValue(d, "", 0)
	if err != nil {
		return nil, asError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &Error{Problem: "there is text after the JSON value", Remedy: "write one object"}
	}
	return tree, nil
}

func decodeValue(d *json.Decoder, path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, &Error{Path: path, Problem: fmt.Sprintf("it is nested deeper than %d levels", maxDepth)}
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return decodeObject(d, path, depth)
	case json.Delim('['):
		return decodeArray(d, path, depth)
	}
	return token, nil
}

func decodeObject(d *json.Decoder, path string, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		at := key(path, name)
		if _, twice := object[name]; twice {
			return nil, &Error{Path: at, Problem: "the key is there twice", Remedy: "keep one"}
		}
		if object[name], err = decodeValue(d, at, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

func decodeArray(d *json.Decoder, path string, depth int) (any, error) {
	array := []any{}
	for d.More() {
		v, err := decodeValue(d, index(path, len(array)), depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	_, err := d.Token()
	return array, err
}

func asError(err error) error {
	if ours, ok := errors.AsType[*Error](err); ok {
		return ours
	}
	return &Error{Problem: "it is not JSON: " + err.Error(), Remedy: "write an object as in the documentation of trust documents"}
}

// object returns v as an object whose keys are among known.
func (p *problems) object(v any, path string, known ...string) (map[string]any, bool) {
	o, ok := v.(map[string]any)
	if !ok {
		p.add(path, "it is "+kind(v)+", not an object", "write {"+strings.Join(known, ": …, ")+": …}")
		return nil, false
	}
	for _, name := range sortedKeys(o) {
		if !slices.Contains(known, name) {
			p.add(key(path, name), "the key is unknown", didYouMean(name, known))
			ok = false
		}
	}
	return o, ok
}

func (p *problems) array(v any, path, remedy string) ([]any, bool) {
	a, ok := v.([]any)
	if !ok {
		p.add(path, "it is "+kind(v)+", not a list", remedy)
	}
	return a, ok
}

func (p *problems) text(v any, path string) (string, bool) {
	s, ok := v.(string)
	if !ok {
		p.add(path, "it is "+kind(v)+", not a string", "")
	}
	return s, ok
}

func kind(v any) string {
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	default:
		return "null"
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
