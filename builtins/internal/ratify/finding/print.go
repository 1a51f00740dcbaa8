// SPDX-License-Identifier: Apache-2.0

package finding

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Summary is the report of a migration, as JSON has it.
type Summary struct {
	// Findings are sorted: what needs somebody comes first.
	Findings []Finding `json:"findings"`
	// Written are the files that were written; empty if none were.
	Written []string `json:"written"`
}

// JSON writes the summary as one JSON document.
func (s Summary) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// Table writes the summary for people: one paragraph for each kind, one entry
// for each finding.
func (s Summary) Table(w io.Writer) error {
	var b strings.Builder
	var last Kind
	for _, f := range s.Findings {
		if f.Kind != last {
			fmt.Fprintf(&b, "%s\n", headline(f.Kind))
			last = f.Kind
		}
		fmt.Fprintf(&b, "  %s%s\n", where(f.Place), f.Message)
		if f.Remedy != "" {
			fmt.Fprintf(&b, "    → %s\n", f.Remedy)
		}
	}
	if len(s.Findings) == 0 {
		b.WriteString("Everything has a counterpart.\n")
	}
	for i, name := range s.Written {
		if i == 0 {
			b.WriteString("Written\n")
		}
		fmt.Fprintf(&b, "  %s\n", OneLine(name))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func where(p Place) string {
	s := p.String()
	if p.From != "" && s != "" {
		s += " "
	}
	if s += p.From; s != "" {
		s += ": "
	}
	return s
}

func headline(k Kind) string {
	switch k {
	case Unreadable:
		return "Could not be read"
	case NoCounterpart:
		return "No counterpart (yet)"
	case Mistake:
		return "To be completed or corrected"
	case Wider:
		return "Wider than Ratify"
	case Stricter:
		return "Stricter than Ratify"
	case Note:
		return "Good to know"
	}
	return string(k)
}
