// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

func TestStrangersTextFitsAMessage(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":               "plain",
		"two\nlines\tand\x1b": "two lines and ",
		"":                    "",
	} {
		if got := report.OneLine(in); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
	long := report.OneLine(strings.Repeat("ü", 1000))
	if len(long) > 520 || !utf8.ValidString(long) || !strings.HasSuffix(long, "…") {
		t.Errorf("a long text became %d bytes, valid %v", len(long), utf8.ValidString(long))
	}
}

func TestListed(t *testing.T) {
	t.Parallel()
	if got := report.Listed(nil); got != "none" {
		t.Errorf("got %q", got)
	}
	if got := report.Listed(strings.Split("abcdefghij", "")); got != "a, b, c, d, e, f, g, h, …" {
		t.Errorf("got %q", got)
	}
}

func TestStamp(t *testing.T) {
	t.Parallel()
	if got := report.Stamp(time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))); got != "2026-01-02T02:04:05Z" {
		t.Errorf("got %q", got)
	}
	if got := report.Stamp(time.Time{}); got != "" {
		t.Errorf("got %q", got)
	}
}
