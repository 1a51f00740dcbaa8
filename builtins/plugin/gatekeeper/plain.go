// SPDX-License-Identifier: Apache-2.0

package gatekeeper

// plainRequest reads a ProviderRequest as Gatekeeper's client writes it, in one
// pass: the known fields, each at most once, and strings of printable ASCII
// without escapes. Whatever else may be JSON is left to [encoding/json]: ok is
// false then, which says nothing about the body.
func plainRequest(body []byte) (r fields, ok bool) {
	s := scan{rest: body, ok: true}
	s.object(func(name string) bool {
		switch {
		case name == "apiVersion" && !r.hasVersion:
			r.version, r.hasVersion = s.text(), true
		case name == "kind" && !r.hasKind:
			r.kind, r.hasKind = s.text(), true
		case name == "request" && r.keys == nil:
			s.object(func(name string) bool {
				if name != "keys" || r.keys != nil {
					return false
				}
				r.keys = s.texts()
				return true
			})
		default:
			return false
		}
		return true
	})
	s.space()
	return r, s.ok && len(s.rest) == 0 && r.keys != nil
}

// fields are those of a ProviderRequest.
type fields struct {
	version, kind       string
	hasVersion, hasKind bool
	keys                []string
}

// scan reads JSON from the front of rest until something is not as expected; ok
// is false from then on.
type scan struct {
	rest []byte
	ok   bool
}

func (s *scan) space() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\n' || s.rest[0] == '\t' || s.rest[0] == '\r') {
		s.rest = s.rest[1:]
	}
}

// take reads c, if it comes next.
func (s *scan) take(c byte) bool {
	s.space()
	if !s.ok || len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// want reads c, which must come next.
func (s *scan) want(c byte) {
	if !s.take(c) {
		s.ok = false
	}
}

// object reads an object of at least one member; value reads the value of one,
// and says whether it may be there.
func (s *scan) object(value func(name string) bool) {
	s.want('{')
	for s.ok {
		name := s.text()
		s.want(':')
		if !s.ok || !value(name) {
			s.ok = false
			return
		}
		if !s.take(',') {
			break
		}
	}
	s.want('}')
}

// texts reads a list of at least one string.
func (s *scan) texts() []string {
	s.want('[')
	var list []string
	for s.ok {
		list = append(list, s.text())
		if !s.take(',') {
			break
		}
	}
	s.want(']')
	return list
}

func (s *scan) text() string {
	s.want('"')
	for i := 0; s.ok && i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			text := string(s.rest[:i])
			s.rest = s.rest[i+1:]
			return text
		case c < ' ' || c > '~' || c == '\\':
			s.ok = false
		}
	}
	s.ok = false
	return ""
}
