// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"context"
	"sync"
	"time"
)

// arrivals are the outcomes of a request while its keys are decided. It may be shared.
type arrivals struct {
	mu       sync.Mutex
	distinct []outcome
	there    []bool // of distinct
	open     int
	over     bool          // the answer is on its way: nothing arrives any more
	all      chan struct{} // closed when nothing is open
}

func newArrivals(distinct []outcome, open int) *arrivals {
	a := &arrivals{distinct: distinct, there: make([]bool, len(distinct)), open: open, all: make(chan struct{})}
	if open == 0 {
		close(a.all)
	}
	return a
}

func (a *arrivals) add(out outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return
	}
	place := out.question.place
	a.distinct[place], a.there[place] = out, true
	if a.open--; a.open == 0 {
		close(a.all)
	}
}

// grace is what evaluations get to notice that time ran out, and say so
// themselves, before the answer goes out without them.
const grace = 50 * time.Millisecond

// collect waits until all questions are answered or time ran out.
func (r *round) collect(ctx context.Context, questions []question, arrived *arrivals) {
	select {
	case <-arrived.all:
		return
	case <-ctx.Done():
	}
	select {
	case <-arrived.all:
		return
	case <-time.After(grace):
	}
	arrived.mu.Lock()
	defer arrived.mu.Unlock()
	arrived.over = true
	for _, q := range questions {
		if !arrived.there[q.place] {
			arrived.distinct[q.place] = r.stopped(ctx, q)
			r.note(ctx, arrived.distinct[q.place], "", time.Time{})
		}
	}
}
