// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// validKey: the key was valid when it signed. Without a proof of when that was,
// it must be valid now: a compromised key goes on vouching only for what was
// provably signed before.
func (j *judgement) validKey() *report.Error {
	var first *report.Error
	for _, k := range j.keys {
		f := j.outOfValidity(k)
		if f == nil {
			j.key = k
			return nil
		}
		first = orElse(first, f)
	}
	return first
}

func (j *judgement) outOfValidity(k *trust.Key) *report.Error {
	if len(j.times) == 0 {
		return outOfWindow(k, j.verifier.now(), "now, and nothing proves that it signed earlier")
	}
	for _, t := range j.times {
		if f := outOfWindow(k, t, "when it signed, "+report.Stamp(t)); f != nil {
			return f
		}
	}
	return nil
}

func outOfWindow(k *trust.Key, t time.Time, when string) *report.Error {
	switch {
	case !k.ValidFrom.IsZero() && t.Before(k.ValidFrom):
		return finding(report.NotYetValid, "the %s is valid from %s: not yet %s", nameOf(k), report.Stamp(k.ValidFrom), when)
	case !k.ValidUntil.IsZero() && !t.Before(k.ValidUntil):
		return finding(report.Expired, "the %s was valid until %s: no longer %s", nameOf(k), report.Stamp(k.ValidUntil), when)
	}
	return nil
}
