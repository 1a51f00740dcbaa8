// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

func TestRead(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, body, retryAfter string
		want                   problem.Problem
		text                   string
	}{
		{"code and message", `{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository"}]}`, "", problem.Problem{Code: "NAME_UNKNOWN", Message: "no such repository"}, "503 Service Unavailable: NAME_UNKNOWN: no such repository"},
		{"lower case", `{"errors":[{"code":"denied"}]}`, "", problem.Problem{Code: "DENIED"}, "503 Service Unavailable: DENIED"},
		{"prose as code", `{"errors":[{"code":"go away!"}]}`, "", problem.Problem{}, "503 Service Unavailable"},
		{"HTML", `<html>secret</html>`, "", problem.Problem{}, "503 Service Unavailable"},
		{"seconds", ``, "120", problem.Problem{RetryAfter: 2 * time.Minute}, "503 Service Unavailable"},
		{"date", ``, now.Add(time.Minute).Format(http.TimeFormat), problem.Problem{RetryAfter: time.Minute}, "503 Service Unavailable"},
		{"past", ``, "-5", problem.Problem{}, "503 Service Unavailable"},
		{"for ever", ``, "999999999", problem.Problem{RetryAfter: 24 * time.Hour}, "503 Service Unavailable"},
		{"nonsense", ``, "soon", problem.Problem{}, "503 Service Unavailable"},
	} {
		resp := &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {tt.retryAfter}}, Body: io.NopCloser(strings.NewReader(tt.body))}
		got := problem.Read(resp, now)
		tt.want.Status = http.StatusServiceUnavailable
		if diff := cmp.Diff(&tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if got.Error() != tt.text {
			t.Errorf("%s: %q", tt.name, got.Error())
		}
	}
}

func TestSanitiseKeepsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter2"
	for _, s := range []string{
		"GET https://s.example/b?X-Amz-Signature=" + secret + "&a=b",
		"dial https://user:" + secret + "@s.example/",
		"Authorization: Bearer " + secret,
		"authorization basic " + secret,
		"token eyJ" + secret + "." + secret + "." + secret + " expired",
		`{"access_token":"` + secret + `"}`,
		"password=" + secret,
		"refresh_token: " + secret,
	} {
		if got := problem.Sanitise(s); strings.Contains(got, secret) {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

func TestSanitiseKeepsWhatHelps(t *testing.T) {
	t.Parallel()
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for in, want := range map[string]string{
		"manifest " + digest + " unknown":       "manifest " + digest + " unknown",
		"dial tcp 10.0.0.1:443: i/o timeout":    "dial tcp 10.0.0.1:443: i/o timeout",
		"two\nlines\x1b[31m\tand\x00 \u202eodd": "two lines [31m and odd",
	} {
		if got := problem.Sanitise(in); got != want {
			t.Errorf("%q becomes %q", in, got)
		}
	}
}

func FuzzSanitise(f *testing.F) {
	f.Add(strings.Repeat("ü", 300))
	f.Add("\xff?a=b\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := problem.Sanitise(s)
		if len(got) > 200 || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00") {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}
