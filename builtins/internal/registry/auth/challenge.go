// SPDX-License-Identifier: Apache-2.0

package auth

import "strings"

// maxChallenge bounds the WWW-Authenticate headers of one answer, in bytes; what
// exceeds it is ignored.
const maxChallenge = 8 << 10

// challenge is one demand of a WWW-Authenticate header.
type challenge struct {
	scheme string            // lower case
	params map[string]string // keys in lower case; the first of equal keys counts
}

// parseChallenges reads every challenge of every header; what does not parse
// ends its header.
//
// Spec: RFC 9110, sections 11.2 to 11.6.1.
func parseChallenges(headers []string) []challenge {
	var found []challenge
	room := maxChallenge
	for _, header := range headers {
		if len(header) > room {
			break
		}
		room -= len(header)
		s := scanner{rest: header}
		found = append(found, s.challenges()...)
	}
	return found
}

// scanner walks one header value.
type scanner struct{ rest string }

func (s *scanner) challenges() []challenge {
	var found []challenge
	for {
		s.skip(" \t,")
		scheme := s.token()
		if scheme == "" {
			return found
		}
		c := challenge{scheme: strings.ToLower(scheme), params: map[string]string{}}
		s.skip(" \t")
		for s.param(c.params) {
		}
		found = append(found, c)
	}
}

// param reads one key=value and the comma behind it. It stops before a word
// without "=", which is the next scheme.
func (s *scanner) param(params map[string]string) bool {
	start := s.rest
	s.skip(" \t,")
	key := strings.ToLower(s.token())
	s.skip(" \t")
	if key == "" || !strings.HasPrefix(s.rest, "=") {
		s.rest = start
		return false
	}
	s.rest = s.rest[1:]
	s.skip(" \t")
	value, ok := s.value()
	if _, seen := params[key]; ok && !seen {
		params[key] = value
	}
	return ok
}

func (s *scanner) value() (string, bool) {
	if !strings.HasPrefix(s.rest, `"`) {
		v := s.token()
		return v, v != ""
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	s.rest = ""
	return "", false
}

// token reads the longest run of token characters. A slash and a colon are taken
// too: some registries leave realm or scope without quotes.
func (s *scanner) token() string {
	n := strings.IndexFunc(s.rest, func(r rune) bool { return !tokenChar(r) })
	if n < 0 {
		n = len(s.rest)
	}
	token := s.rest[:n]
	s.rest = s.rest[n:]
	return token
}

func tokenChar(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("!#$%&'*+-.^_`|~/:", r)
}

func (s *scanner) skip(chars string) { s.rest = strings.TrimLeft(s.rest, chars) }
