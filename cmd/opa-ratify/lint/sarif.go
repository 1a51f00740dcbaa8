// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"io"
	"net/url"
	"path/filepath"
)

// The parts of SARIF that are written.
//
// Spec: OASIS SARIF v2.1.0, sections 3.13 (log), 3.14 (run), 3.27 (result), 3.49 (reportingDescriptor).
type (
	sarifLog struct {
		Version string     `json:"version"`
		Schema  string     `json:"$schema"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string       `json:"id"`
		ShortDescription *sarifText   `json:"shortDescription,omitempty"`
		FullDescription  *sarifText   `json:"fullDescription,omitempty"`
		Help             *sarifText   `json:"help,omitempty"`
		HelpURI          string       `json:"helpUri,omitempty"`
		Default          *sarifConfig `json:"defaultConfiguration,omitempty"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

func writeSARIF(out io.Writer, r report) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "opa-ratify lint", Rules: []sarifRule{}}}, Results: []sarifResult{}}
	for _, rule := range r.rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule.sarif())
	}
	for _, f := range r.Findings {
		run.Results = append(run.Results, f.sarif())
	}
	return encode(out, sarifLog{"2.1.0", "https://json.schemastore.org/sarif-2.1.0.json", []sarifRun{run}})
}

func (r rule) sarif() sarifRule {
	s := sarifRule{
		ID: r.Name, HelpURI: r.Docs,
		ShortDescription: optional(r.Title), FullDescription: optional(r.Description), Help: optional(r.Remedy),
	}
	if r.Severity != "" {
		s.Default = &sarifConfig{r.Severity}
	}
	return s
}

func (f finding) sarif() sarifResult {
	uri := url.URL{Path: filepath.ToSlash(f.Location.File)}
	physical := sarifPhysical{Artifact: sarifArtifact{uri.String()}}
	if f.Location.Row > 0 {
		physical.Region = &sarifRegion{f.Location.Row, max(f.Location.Col, 1)}
	}
	return sarifResult{f.Rule, f.Severity, sarifText{f.Message + "; " + f.Remedy}, []sarifLocation{{physical}}}
}

func optional(text string) *sarifText {
	if text == "" {
		return nil
	}
	return &sarifText{text}
}
