// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"cmp"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// member is one member of a JSON object.
type member struct{ name, text string }

// encoder writes values as encoding/json writes what [ast.JSON] makes of them,
// without making it. It is not shared.
type encoder struct {
	out   []byte
	more  []member // still to be written into the object under way
	err   error    // the first
	odd   bool     // the object under way has a key that is no string
	visit func(k, v *ast.Term)
}

func newEncoder() *encoder {
	e := &encoder{}
	e.visit = e.pair
	return e
}

// object appends o to b with more members, which replace those of their names.
// more is sorted by name, as the keys of an object are. The error is that of a
// value that is no JSON.
func (e *encoder) object(b []byte, o ast.Object, more ...member) ([]byte, error) {
	e.out, e.err = b, nil
	e.members(o, more)
	b, e.out = e.out, nil
	return b, e.err
}

func (e *encoder) value(v ast.Value) {
	switch v := v.(type) {
	case ast.String:
		e.out = appendString(e.out, string(v))
	case ast.Boolean:
		e.out = strconv.AppendBool(e.out, bool(v))
	case ast.Null:
		e.out = append(e.out, "null"...)
	case ast.Object:
		e.members(v, nil)
	case *ast.Array:
		e.list(v)
	default: // numbers and sets: rare, and encoding/json knows how
		e.plain(v)
	}
}

func (e *encoder) plain(v ast.Value, more ...member) {
	plain, err := ast.JSON(v)
	for _, m := range more {
		if fields, ok := plain.(map[string]any); ok {
			fields[m.name] = m.text
		}
	}
	text, failed := json.Marshal(plain)
	if e.err == nil {
		e.err = cmp.Or(err, failed)
	}
	e.out = append(e.out, text...)
}

func (e *encoder) list(a *ast.Array) {
	e.out = append(e.out, '[')
	for i := range a.Len() {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		e.value(a.Elem(i).Value)
	}
	e.out = append(e.out, ']')
}

func (e *encoder) members(o ast.Object, more []member) {
	start, outerMore, outerOdd := len(e.out), e.more, e.odd
	e.more, e.odd = more, false
	e.out = append(e.out, '{')
	o.Foreach(e.visit)
	for _, m := range e.more {
		e.member(m)
	}
	e.out = append(e.out, '}')
	if e.odd {
		e.out = e.out[:start]
		e.plain(o, more...)
	}
	e.more, e.odd = outerMore, outerOdd
}

// pair writes one pair of an object, and what comes before it.
func (e *encoder) pair(k, v *ast.Term) {
	key, ok := k.Value.(ast.String)
	if !ok {
		e.odd = true // and is written as a whole later
	}
	for len(e.more) > 0 && e.more[0].name <= string(key) {
		m := e.more[0]
		e.more = e.more[1:]
		e.member(m)
		if m.name == string(key) {
			return
		}
	}
	e.separate()
	e.out = append(appendString(e.out, string(key)), ':')
	e.value(v.Value)
}

func (e *encoder) member(m member) {
	e.separate()
	e.out = appendString(append(appendString(e.out, m.name), ':'), m.text)
}

// separate writes a comma unless an object begins here.
func (e *encoder) separate() {
	if e.out[len(e.out)-1] != '{' {
		e.out = append(e.out, ',')
	}
}

// appendString appends s as encoding/json writes it.
func appendString(b []byte, s string) []byte {
	start, written := len(b), 0
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(append(b, s[written:i]...), '\\')
			written = i
		case c < ' ' || c >= utf8.RuneSelf || c == '<' || c == '>' || c == '&':
			text, _ := json.Marshal(s) // a string always marshals
			return append(b[:start], text...)
		}
	}
	return append(append(b, s[written:]...), '"')
}
