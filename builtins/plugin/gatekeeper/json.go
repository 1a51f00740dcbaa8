// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// member is one member of a JSON object.
type member struct{ name, text string }

// appendValue appends v as encoding/json writes what [ast.JSON] makes of it,
// without making it. The error is that of a value that is no JSON.
func appendValue(b []byte, v ast.Value) ([]byte, error) {
	switch v := v.(type) {
	case ast.String:
		return appendString(b, string(v)), nil
	case ast.Boolean:
		return strconv.AppendBool(b, bool(v)), nil
	case ast.Null:
		return append(b, "null"...), nil
	case ast.Object:
		return appendObject(b, v)
	case *ast.Array:
		return appendList(b, v.Len(), v.Elem)
	default: // numbers and sets: rare, and encoding/json knows how
		return appendPlain(b, v)
	}
}

func appendPlain(b []byte, v ast.Value) ([]byte, error) {
	plain, err := ast.JSON(v)
	if err != nil {
		return b, err
	}
	text, err := json.Marshal(plain)
	return append(b, text...), err
}

func appendList(b []byte, n int, element func(int) *ast.Term) (_ []byte, err error) {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, element(i).Value); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// appendObject appends o with more members, which replace those of their names.
// more is sorted by name, as the keys of an object are.
func appendObject(b []byte, o ast.Object, more ...member) ([]byte, error) {
	start := len(b)
	b = append(b, '{')
	plain := true
	err := o.Iter(func(k, v *ast.Term) (err error) {
		key, ok := k.Value.(ast.String)
		if plain = plain && ok; !plain {
			return nil
		}
		for len(more) > 0 && more[0].name <= string(key) {
			replaced := more[0].name == string(key)
			b, more = appendMember(b, more[0]), more[1:]
			if replaced {
				return nil
			}
		}
		b = append(appendString(separated(b), string(key)), ':')
		b, err = appendValue(b, v.Value)
		return err
	})
	if err != nil {
		return b, err
	}
	if !plain {
		return appendPlain(b[:start], o)
	}
	for _, m := range more {
		b = appendMember(b, m)
	}
	return append(b, '}'), nil
}

func appendMember(b []byte, m member) []byte {
	return appendString(append(appendString(separated(b), m.name), ':'), m.text)
}

// separated appends a comma if b does not end where an object begins.
func separated(b []byte) []byte {
	if b[len(b)-1] == '{' {
		return b
	}
	return append(b, ',')
}

// appendString appends s as encoding/json writes it.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, _ := json.Marshal(s) // a string always marshals
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
