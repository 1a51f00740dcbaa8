// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// identity returns the identity of a keyless policy, nil if it is everybody or
// nobody. The keys of the patterns differ between Ratify's generations.
func (t *translator) identity(d *Document, v source.Value, subjectPattern, issuerPattern string) *commented.Node {
	identity := commented.Map()
	for _, claim := range []struct{ exact, pattern, name string }{
		{"certificateOIDCIssuer", issuerPattern, "issuer"},
		{"certificateIdentity", subjectPattern, "subject"},
	} {
		exact, pattern := v.Get(claim.exact), v.Get(claim.pattern)
		switch {
		case exact.Text() != "":
			t.variables(d, exact)
			commented.Set(identity, claim.name, commented.Text(exact.Text(), exact.From()), "")
		case pattern.Text() != "":
			translated, ok := anchored(pattern)
			if !ok {
				return nil
			}
			t.variables(d, pattern)
			commented.Set(identity, claim.name+"_regexp", commented.Text(translated, pattern.From()), "")
		default:
			v.Add(finding.NoCounterpart, fmt.Sprintf("says nothing of the %s: any would do; here nobody is trusted", claim.name), "say whom to trust")
			return nil
		}
	}
	return identity
}

// anchored translates a pattern that Ratify searches for anywhere into one that
// matches the whole. The beginning becomes stricter; an open end stays open.
func anchored(at source.Value) (pattern string, ok bool) {
	text := at.Text()
	if _, err := regexp.Compile(text); err != nil {
		at.Mistake("is not a pattern (RE2), which Ratify refuses too; here nobody is trusted", "correct it")
		return "", false
	}
	if everybody(text) {
		at.Add(finding.NoCounterpart, "accepts everybody; here nobody is trusted", "say whom to trust")
		return "", false
	}
	if alternatives(text) {
		at.Add(finding.Stricter, "has alternatives, which Ratify searches for anywhere; here one of them has to match the whole claim", "")
		return text, true
	}
	if !strings.HasPrefix(text, "^") && !strings.HasPrefix(text, ".*") {
		at.Add(finding.Stricter, "is searched for anywhere in Ratify; here the claim has to begin with it", "")
	}
	switch open := !strings.HasSuffix(text, "$") && !strings.HasSuffix(text, ".*"); {
	case open && beyondHost(text):
		at.Add(finding.Note, "has no end ($), so that it also accepts what goes on after it; that was kept", `end it: "$"`)
		text += ".*"
	case open:
		at.Add(finding.Stricter, "has no end ($), so that Ratify also accepts what goes on after it, as another host; here the claim has to end with it", "")
	}
	text = strings.TrimPrefix(text, "^")
	if trimmed, ends := strings.CutSuffix(text, "$"); ends && !strings.HasSuffix(trimmed, `\`) {
		text = trimmed
	}
	if escaped := escapeHost(text); escaped != text {
		at.Add(finding.Stricter, "an unescaped dot in a host is any character; here it is a dot", "")
		text = escaped
	}
	return text, true
}

// beyondHost reports that a pattern of a URL has come to its path.
func beyondHost(text string) bool {
	_, rest, isURL := strings.Cut(text, "://")
	return isURL && strings.Contains(rest, "/")
}

// alternatives reports a | outside of all brackets.
func alternatives(text string) bool {
	depth, class := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '|' && depth == 0:
			return true
		}
	}
	return false
}

// everybody reports a pattern that strangers match.
func everybody(text string) bool {
	re := regexp.MustCompile(text)
	return re.MatchString("stranger@stranger.invalid") && re.MatchString("https://stranger.invalid/x")
}

// escapeHost escapes the dots in the host of a URL at the beginning.
func escapeHost(text string) string {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return text
	}
	host, path, hasPath := strings.Cut(rest, "/")
	host = regexp.MustCompile(`(^|[^\\])\.([A-Za-z0-9-])`).ReplaceAllString(host, `$1\.$2`)
	if hasPath {
		host += "/" + path
	}
	return scheme + "://" + host
}
