// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"time"
	"unicode"
)

// maxText bounds a stranger's text inside a message, in bytes.
const maxText = 512

// MaxMessage bounds a whole message, in bytes.
const MaxMessage = 2048

// OneLine makes a stranger's text fit for a message: printable, short.
func OneLine(s string) string { return Clip(s, maxText) }

// Clip makes s printable and cuts it to a number of bytes.
func Clip(s string, limit int) string {
	cut := len(s) > limit
	if cut {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	if cut {
		s += "…"
	}
	return s
}

// Listed joins words for a message and cuts a long list; "none" for none.
func Listed(words []string) string {
	const shown = 8
	if len(words) > shown {
		return strings.Join(words[:shown], ", ") + ", …"
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// Stamp writes an instant as reports do: RFC 3339, UTC; "" for none.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
