// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// maxText bounds a stranger's text inside a message, in bytes.
const maxText = 512

// maxMessage bounds a whole message, in bytes.
const maxMessage = 2048

func malformed(format string, args ...any) *report.Error {
	return finding(report.MalformedSignature, format, args...)
}

// overLimit: evidence that is too much to look at was not seen.
func overLimit(code report.Code, format string, args ...any) *report.Error {
	e := finding(code, format, args...)
	e.Unseen = true
	return e
}

func finding(code report.Code, format string, args ...any) *report.Error {
	return &report.Error{Code: code, Message: clip(fmt.Sprintf(format, args...), maxMessage), Stage: report.StageVerify}
}

// oneLine makes a stranger's text fit for a message: printable, short.
func oneLine(s string) string { return clip(s, maxText) }

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

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
