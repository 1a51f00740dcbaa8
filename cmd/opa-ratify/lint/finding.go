// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	oparego "github.com/open-policy-agent/opa/v1/rego"
)

// The severities.
const (
	severityError   = "error"
	severityWarning = "warning"
)

// finding is one mistake.
type finding struct {
	Rule     string   `json:"rule"`
	Severity string   `json:"severity"`
	Message  string   `json:"message"` // what is there, and why it is a mistake
	Remedy   string   `json:"remedy"`
	Location location `json:"location"`
	Docs     string   `json:"docs"` // URL; ours have one, a user's rule may
}

// location is a place in a file. Row and column are 0 if only the file is known.
type location struct {
	position

	File string `json:"file"`
}

// report is what was found in all bundles.
type report struct {
	Findings []finding
	Files    int // that were read
	rules    []rule
}

func (r report) count(severity string) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}

func (r report) failed() bool { return r.count(severityError) > 0 }

// promote makes errors of warnings.
func (r report) promote() {
	for i := range r.Findings {
		r.Findings[i].Severity = severityError
	}
}

// judge adds what the rules find in b.
func (l *linter) judge(ctx context.Context, b bundle, r *report) error {
	in, err := l.newInput(ctx, b)
	if err != nil {
		return err
	}
	v, err := in.value()
	if err != nil {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	results, err := l.query.Eval(ctx, oparego.EvalParsedInput(v))
	if err != nil {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	if len(results) != 1 {
		return fmt.Errorf("%s: the rules gave no answer", b.name)
	}
	findings, err := decodeFindings(results[0].Expressions[0].Value)
	for _, f := range findings {
		if i := slices.IndexFunc(l.rules, func(known rule) bool { return known.Name == f.Rule }); i >= 0 {
			f.Docs = cmp.Or(f.Docs, l.rules[i].Docs)
		}
		r.Findings = append(r.Findings, f)
	}
	r.Files += len(b.files)
	return err
}

// decodeFindings holds the rules to their contract: what is misspelt must not
// pass for "nothing found".
func decodeFindings(v any) ([]finding, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	findings := make([]finding, 0, len(raw))
	for _, one := range raw {
		var f finding
		d := json.NewDecoder(bytes.NewReader(one))
		d.DisallowUnknownFields()
		if err := d.Decode(&f); err != nil {
			return nil, fmt.Errorf("a rule's finding %s: %w", one, err)
		}
		if f.Rule == "" || f.Message == "" || f.Remedy == "" || f.Location.File == "" || f.Severity != severityError && f.Severity != severityWarning {
			return nil, fmt.Errorf("a rule's finding %s: it must have rule, severity (error or warning), message, remedy and location.file", one)
		}
		findings = append(findings, f)
	}
	return findings, nil
}

func compareFindings(a, b finding) int {
	return cmp.Or(
		cmp.Compare(a.Location.File, b.Location.File),
		cmp.Compare(a.Location.Row, b.Location.Row),
		cmp.Compare(a.Location.Col, b.Location.Col),
		cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Message, b.Message),
	)
}
