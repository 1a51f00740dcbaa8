// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"crypto/x509"
	"strings"
	"time"
	"unicode"
)

// maxText bounds a stranger's text inside a message, in bytes.
const maxText = 512

// maxMessage bounds a whole message, in bytes.
const maxMessage = 2048

// oneLine makes a stranger's text fit for a message: printable, short.
func oneLine(s string) string { return clip(s, maxText) }

// nameOf writes the subject of a certificate for a message, which quotes it.
func nameOf(c *x509.Certificate) string { return oneLine(c.Subject.String()) }

// clip makes s printable and cuts it to a number of bytes.
func clip(s string, limit int) string {
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

// listed joins words for a message and cuts a long list.
func listed(words []string) string {
	const shown = 8
	if len(words) > shown {
		return strings.Join(words[:shown], ", ") + ", …"
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// stamp writes an instant as reports do: RFC 3339, UTC; "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
