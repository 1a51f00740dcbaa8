// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

func signature(verified bool, errs ...report.Error) report.Signature {
	return report.Signature{Verified: verified, Errors: errs}
}

var (
	bad    = report.Error{Code: report.UntrustedCertificate}
	unseen = report.Error{Code: report.Unauthorized, Unseen: true}
	later  = report.Error{Code: report.Timeout, Retryable: true}
)

func TestConclude(t *testing.T) {
	t.Parallel()
	verifiedPlatform := report.Platform{Signatures: []report.Signature{signature(true)}}
	for _, tt := range []struct {
		name   string
		report *report.Report
		want   report.Verdict
	}{
		{"nothing at all", &report.Report{}, report.Rejected},
		{"one good signature", &report.Report{Signatures: []report.Signature{signature(true)}}, report.Verified},
		{"good among bad", &report.Report{Signatures: []report.Signature{signature(false, bad), signature(true)}}, report.Verified},
		{"good beside what could not be seen", &report.Report{Signatures: []report.Signature{signature(false, later), signature(true)}}, report.Verified},
		{"bad", &report.Report{Signatures: []report.Signature{signature(false, bad)}}, report.Rejected},
		{"bad beside what could not be seen", &report.Report{Signatures: []report.Signature{signature(false, bad), signature(false, unseen)}}, report.Inconclusive},
		{"nothing could be listed", &report.Report{Errors: []report.Error{later}}, report.Inconclusive},
		{"final, but unseen", &report.Report{Errors: []report.Error{unseen}}, report.Inconclusive},
		{"seen and final", &report.Report{Errors: []report.Error{{Code: report.NoSignature}}}, report.Rejected},
		{"platform as demanded", &report.Report{Signatures: []report.Signature{signature(true)}, Platforms: []report.Platform{verifiedPlatform}}, report.Verified},
		{"platform unsigned", &report.Report{Signatures: []report.Signature{signature(true)}, Platforms: []report.Platform{verifiedPlatform, {}}}, report.Rejected},
		{"platform unseen", &report.Report{Signatures: []report.Signature{signature(true)}, Platforms: []report.Platform{{Errors: []report.Error{later}}}}, report.Inconclusive},
		{"index unsigned, platform signed", &report.Report{Platforms: []report.Platform{verifiedPlatform}}, report.Rejected},
		{"index unseen, platform rejected", &report.Report{Errors: []report.Error{later}, Platforms: []report.Platform{{}}}, report.Rejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.report.Conclude()
			if got.Verdict != tt.want || got.Verified != (tt.want == report.Verified) {
				t.Errorf("verdict %q, verified %v; want %q", got.Verdict, got.Verified, tt.want)
			}
		})
	}
}

func TestConcludeLeavesNoNull(t *testing.T) {
	t.Parallel()
	r := &report.Report{Signatures: []report.Signature{{}}, Platforms: []report.Platform{{}, {Signatures: []report.Signature{{}}}}}
	raw, err := json.Marshal(r.Conclude())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "null") {
		t.Errorf("null in %s", raw)
	}
}

func ExampleReport_Conclude() {
	r := &report.Report{Errors: []report.Error{{Code: report.RateLimited, Retryable: true}}}
	fmt.Println(r.Conclude().Verdict)
	// Output: inconclusive
}
