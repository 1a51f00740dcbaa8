// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// Refusal says that the registry was not asked, as it would not have answered.
type Refusal struct {
	Code       report.Code   // of the last failure
	RetryAfter time.Duration // until it is asked again; 0 if that is being tried
	text       string
}

func (r *Refusal) Error() string { return r.text }

func (b *Breaker) refusal(now time.Time) *Refusal {
	r := &Refusal{Code: b.last.Code, RetryAfter: max(b.until.Sub(now), 0)}
	if !b.held.IsZero() {
		r.text = fmt.Sprintf("not asked: it answered %s and wants to be left alone until %s", b.last.Text, b.until.UTC().Format(time.RFC3339))
		return r
	}
	r.text = "not asked: its last answer was " + b.last.Text
	if b.failures > 0 {
		r.text = fmt.Sprintf("not asked: it has not answered %d times in a row since %s (last: %s)", b.failures, b.since.UTC().Format(time.RFC3339), b.last.Text)
	}
	if r.RetryAfter == 0 {
		r.text += "; one request tries it now"
	} else {
		r.text += "; it is asked again in " + r.RetryAfter.Round(time.Millisecond).String()
	}
	return r
}
