// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fatih/color"
	"github.com/spf13/pflag"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// format is the form of what a command prints.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
)

// formats adds --output with the formats a command has; the first is the default.
func formats(f *format, flags *pflag.FlagSet, known ...format) {
	*f = known[0]
	flags.VarP(&formatFlag{f, known}, "output", "o", "form of the output: "+listed(known))
}

type formatFlag struct {
	value *format
	known []format
}

func (f *formatFlag) String() string { return string(*f.value) }

func (f *formatFlag) Type() string { return "format" }

func (f *formatFlag) Set(s string) error {
	if !slices.Contains(f.known, format(s)) {
		return fmt.Errorf("%q is not one of %s", s, listed(f.known))
	}
	*f.value = format(s)
	return nil
}

func listed(known []format) string {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// print writes answers. Colours are for terminals; NO_COLOR turns them off there.
func (f format) print(w io.Writer, answers []answer) error {
	if f == formatJSON {
		return printJSON(w, answers)
	}
	p := &page{w: w}
	for i, a := range answers {
		if i > 0 {
			p.line("")
		}
		p.answer(a)
	}
	return p.err
}

// page writes lines until one cannot be written.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *page) answer(a answer) {
	p.line("%s  %s", verdictWord(a.Verdict), a.Image)
	if a.Error != "" {
		p.line("  %s", a.Error)
	}
	if r := a.Report; r != nil {
		p.report(r)
	}
	if a.Decision != nil {
		p.decision(a)
	}
	if len(a.Stages) > 0 {
		var times []string
		for _, s := range a.Stages {
			times = append(times, fmt.Sprintf("%s %.1f ms", s.Name, s.Milliseconds))
		}
		p.line("  time       %s", strings.Join(times, ", "))
	}
}

func (p *page) report(r *report.Report) {
	if r.Digest != "" {
		p.line("  digest     %s", r.Digest)
	}
	for _, e := range r.Errors {
		p.line("  %s %s", color.New(color.Bold).Sprint(e.Code), e.Message)
	}
	for _, s := range r.Stale {
		p.line("  stale      %s", s.Message)
	}
	p.signatures("", r.Signatures)
	for _, platform := range r.Platforms {
		p.line("  platform   %s %s %s", platform.Platform, verdictWord(platform.Verdict), platform.Digest)
		for _, e := range platform.Errors {
			p.line("    %s %s", e.Code, e.Message)
		}
		p.signatures("  ", platform.Signatures)
	}
}

func (p *page) signatures(indent string, signatures []report.Signature) {
	for _, s := range signatures {
		p.line("%s  %s signature %s", indent, mark(s.Verified), s.Digest)
		p.line("%s      %s by %s%s", indent, s.Format, signer(s.Signer), accepted(s.Trust))
		for _, c := range s.Checks {
			p.line("%s      %-9s %s%s", indent, outcome(c.Outcome), c.Name, colon(c.Message))
		}
		for _, e := range s.Errors {
			p.line("%s      %s: %s", indent, e.Code, e.Message)
		}
	}
}

func (p *page) decision(a answer) {
	for _, why := range a.Decision.Reasons {
		p.line("  reason     %v", why)
	}
	for _, warning := range a.Decision.Warnings {
		p.line("  warning    %v", warning)
	}
	if !a.Decision.Allow && len(a.Decision.Reasons) == 0 {
		p.line("  reason     data.trust.allow is not true, and the policy gives no reasons")
	}
	for _, r := range a.Rules {
		p.line("  %s %s %s", mark(r.Held), r.Location, r.Text)
		if r.Because != "" {
			p.line("      %s", r.Because)
		}
	}
}

func verdictWord(v report.Verdict) string {
	switch v {
	case report.Verified:
		return color.GreenString("VERIFIED")
	case report.Inconclusive:
		return color.YellowString("INCONCLUSIVE")
	default:
		return color.RedString("REJECTED")
	}
}

func mark(good bool) string {
	if good {
		return color.GreenString("✓")
	}
	return color.RedString("✗")
}

func outcome(o string) string {
	switch o {
	case report.Passed:
		return color.GreenString("%-9s", o)
	case report.Failed:
		return color.RedString("%-9s", o)
	default:
		return color.YellowString("%-9s", o)
	}
}

// signer names who signed, as specific as it is known.
func signer(s report.Signer) string {
	for _, name := range []string{s.Identity, s.Subject, s.Key, s.Fingerprint} {
		if name != "" {
			return name
		}
	}
	return "nobody that can be read"
}

func accepted(t report.Trust) string {
	var by []string
	for _, part := range [][2]string{{"policy ", t.Policy}, {"level ", t.Level}, {"store ", t.Store}, {"key ", t.Key}, {"identity ", t.Identity}} {
		if part[1] != "" {
			by = append(by, part[0]+part[1])
		}
	}
	if len(by) == 0 {
		return ""
	}
	return " (" + strings.Join(by, ", ") + ")"
}

func colon(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}
