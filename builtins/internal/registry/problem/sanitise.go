// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMessage bounds a sanitised message, in bytes.
const maxMessage = 200

// What must never reach a log or a stranger: queries (signed storage URLs, token
// requests), user information in URLs, JSON web tokens, authorisation values.
var (
	query    = regexp.MustCompile(`\?[^\s"'<>]*`)
	userInfo = regexp.MustCompile(`://[^\s/"'<>@]*@`)
	jwt      = regexp.MustCompile(`eyJ[\w-]{8,}[\w.=-]*`)
	bearer   = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[\w+/=.~-]{8,}`)
	secret   = regexp.MustCompile(`(?i)\b([\w-]*(?:token|secret|password|signature|credential))(["']?\s*[=:]\s*["']?)[^\s"',;&]+`)
)

// Sanitise returns s on one line, printable, at most 200 bytes, with queries,
// user information and whatever looks like a token replaced.
func Sanitise(s string) string {
	s = limit(s, maxBody)
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	return limit(Redact(strings.Join(strings.Fields(s), " ")), maxMessage)
}

// Redact replaces what looks like a secret in s and keeps the rest as it is.
func Redact(s string) string {
	s = query.ReplaceAllString(s, "?…")
	s = userInfo.ReplaceAllString(s, "://…@")
	s = jwt.ReplaceAllString(s, "…")
	s = bearer.ReplaceAllString(s, "$1 …")
	return secret.ReplaceAllString(s, "$1$2…")
}

// limit cuts s at a rune's start, to at most n bytes with the mark of the cut.
func limit(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
