// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// writers are the formats by name.
func writers() map[string]func(io.Writer, report) error {
	return map[string]func(io.Writer, report) error{
		"table": writeTable, "json": writeJSON, "sarif": writeSARIF, "github": writeGitHub,
	}
}

// writeTable writes for people: a finding is a line that editors and terminals
// can follow, with the remedy below.
func writeTable(out io.Writer, r report) error {
	var text strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&text, "%s: %s: %s\n  %s\n  → %s\n", place(f.Location), f.Severity, f.Rule, f.Message, f.Remedy)
		if f.Docs != "" {
			fmt.Fprintf(&text, "  %s\n", f.Docs)
		}
		text.WriteByte('\n')
	}
	fmt.Fprintf(&text, "%s, %s in %s\n", plural(r.count(severityError), "error"), plural(r.count(severityWarning), "warning"), plural(r.Files, "file"))
	_, err := io.WriteString(out, text.String())
	return err
}

func place(l location) string {
	if l.Row == 0 {
		return l.File
	}
	return fmt.Sprintf("%s:%d:%d", l.File, l.Row, l.Col)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// writeJSON writes {"findings", "errors", "warnings", "files"}.
func writeJSON(out io.Writer, r report) error {
	return encode(out, map[string]any{
		"findings": r.Findings, "errors": r.count(severityError), "warnings": r.count(severityWarning), "files": r.Files,
	})
}

func encode(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// writeGitHub writes workflow commands, which GitHub shows beside the lines of a
// pull request.
//
// Spec: GitHub Actions, "Workflow commands", "Setting an error message".
func writeGitHub(out io.Writer, r report) error {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var text strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&text, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", f.Severity, property.Replace(f.Location.File),
			max(f.Location.Row, 1), max(f.Location.Col, 1), property.Replace(f.Rule), data.Replace(f.Message+"; "+f.Remedy))
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// writeRules lists the rules, as a table unless JSON is wanted.
func writeRules(out io.Writer, output string, rules []rule) error {
	if output == "json" {
		return encode(out, rules)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range rules {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Name, r.Severity, r.Title)
	}
	return w.Flush()
}
