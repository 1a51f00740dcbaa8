// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"sync"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// basis is what a report rests on, as far as it can change: until when it may be
// repeated, and what in it is out of date.
type basis struct {
	mu    sync.Mutex
	until time.Time // zero: it is not repeated
	stale []report.Stale
	again bool // something out of date is being asked again
}

// limit notes that something the report rests on ends at t; zero: has ended.
func (b *basis) limit(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.Before(b.until) {
		b.until = t
	}
}

// restsOn notes how current an answer of the source is.
func (j *job) restsOn(stage report.Stage, doing string, age evidence.Age) {
	j.basis.limit(age.Until)
	if !age.Stale {
		return
	}
	note := Staleness(stage, doing, age, j.options.Classify)
	b := &j.basis
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stale = append(b.stale, note)
	b.again = b.again || age.Because == nil
}

// Staleness says in a report that an answer of the source is out of date.
func Staleness(stage report.Stage, doing string, age evidence.Age, classify func(error) (report.Code, bool)) report.Stale {
	note := report.Stale{Stage: stage, AsOf: report.Stamp(age.AsOf)}
	if age.Because == nil {
		note.Message = fmt.Sprintf("%s: as of %s; the registry is being asked again", doing, note.AsOf)
		return note
	}
	note.Code, _ = classify(age.Because)
	note.Message = fmt.Sprintf("%s: as of %s, which max_stale allows: %s", doing, note.AsOf, oneLine(age.Because))
	return note
}

// revalidating reports whether something the report rests on is being asked again.
func (j *job) revalidating() bool {
	j.basis.mu.Lock()
	defer j.basis.mu.Unlock()
	return j.basis.again
}

// freshness is what a request says about the age of what changes.
func (r Request) freshness() evidence.Freshness {
	return evidence.Freshness{Fresh: r.Fresh, MaxStale: r.MaxStale}
}

// known returns the report that was kept for req, while all that it rests on
// holds.
func (e *Engine) known(req Request) (*report.Report, bool) {
	if req.Fresh || req.Trust == nil {
		return nil, false
	}
	r, ok := e.reports.Get(reportKey(req))
	e.options.Observe("reports", ok)
	return r, ok
}

// keepReport keeps a report that came to a conclusion. What could not be seen is
// asked for again.
func (j *job) keepReport(r *report.Report) {
	if r.Verdict == report.Inconclusive || j.basis.until.IsZero() {
		return
	}
	j.reports.Put(reportKey(j.request), r, weight(r), j.basis.until)
}

// The rough sizes of a report and of one finding in it, in bytes, in memory and
// encoded.
const (
	reportWeight  = 4 << 10
	findingWeight = 12 << 10
)

func weight(r *report.Report) int64 {
	w := int64(reportWeight + findingWeight*(len(r.Signatures)+len(r.Platforms)))
	for _, p := range r.Platforms {
		w += int64(findingWeight * len(p.Signatures))
	}
	for _, a := range r.Attestations {
		w += 8 * int64(len(a.Statement))
	}
	return w
}
