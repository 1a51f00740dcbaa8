// SPDX-License-Identifier: Apache-2.0

// Package finding collects what a migration has to tell about its input, each
// with the place it is about.
package finding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Kind is what a finding means for whoever migrates.
type Kind string

// The kinds. Those that need somebody come first.
const (
	// Unreadable: the input could not be read; nothing is written.
	Unreadable Kind = "unreadable"
	// NoCounterpart: what Ratify does here is not done by the bundle or the
	// configuration; what it would have judged is denied.
	NoCounterpart Kind = "no counterpart"
	// Mistake: the input itself is wrong or incomplete.
	Mistake Kind = "mistake"
	// Wider: something may be admitted that Ratify denies.
	Wider Kind = "wider"
	// Stricter: something may be denied that Ratify admits.
	Stricter Kind = "stricter"
	// Note: good to know.
	Note Kind = "note"
)

func kinds() []Kind { return []Kind{Unreadable, NoCounterpart, Mistake, Wider, Stricter, Note} }

// NeedsSomebody reports whether a person has to act before the result is used.
func (k Kind) NeedsSomebody() bool { return k != Stricter && k != Note }

// Place is where something stands.
type Place struct {
	From   string `json:"from"`   // "Verifier/verifier-notation spec.parameters.key"; "" for a file as a whole
	File   string `json:"file"`   // as it was given; "" if nothing was
	Line   int    `json:"line"`   // from 1; 0 when it is not known
	Column int    `json:"column"` // from 1; 0 when it is not known
}

// String returns "file:line:column", without what is not known.
func (p Place) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
		if p.Column > 0 {
			s += fmt.Sprintf(":%d", p.Column)
		}
	}
	return s
}

// Finding is one thing to tell.
type Finding struct {
	Kind    Kind   `json:"kind"`
	Place          // where it is about
	Message string `json:"message"` // what was found and what becomes of it
	Remedy  string `json:"remedy"`  // what to do; "" if nothing
}

// List collects findings. The zero value is empty; it is not for concurrent use.
type List struct {
	all   []Finding
	known map[Finding]bool
}

// Add notes a finding, once.
func (l *List) Add(k Kind, at Place, message, remedy string) {
	f := Finding{Kind: k, Place: clean(at), Message: OneLine(message), Remedy: OneLine(remedy)}
	if l.known[f] {
		return
	}
	if l.known == nil {
		l.known = map[Finding]bool{}
	}
	l.known[f] = true
	l.all = append(l.all, f)
}

// Sorted returns the findings by kind, then by place; never nil.
func (l *List) Sorted() []Finding {
	sorted := append([]Finding{}, l.all...)
	slices.SortStableFunc(sorted, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(kinds(), a.Kind), slices.Index(kinds(), b.Kind)),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
		)
	})
	return sorted
}

// Has reports whether a finding is of one of the kinds.
func (l *List) Has(wanted func(Kind) bool) bool {
	return slices.ContainsFunc(l.all, func(f Finding) bool { return wanted(f.Kind) })
}

func clean(p Place) Place {
	p.From, p.File = OneLine(p.From), OneLine(p.File)
	return p
}

// Redact returns the text, or what it was if it holds a private key.
func Redact(text string) string {
	if strings.Contains(text, "PRIVATE KEY") {
		return "(a private key, which was not copied)"
	}
	return text
}

// OneLine makes text that strangers wrote fit for one line of a terminal or a
// comment: without control characters, and of bounded length.
func OneLine(text string) string {
	const most = 600
	text = Redact(text)
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), r == '\u2028', r == '\u2029', r == '\u0085':
			return ' '
		case !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}
