// SPDX-License-Identifier: Apache-2.0

package health

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

const (
	// threshold is the failures in a row that make a registry guarded. With every
	// fifth request failing at random it is met by one in 3000.
	threshold = 5
	// window is how far apart two failures in a row may be.
	window = 10 * time.Second
	// shortestPause follows the first probe that fails; each next is twice as long.
	shortestPause = 100 * time.Millisecond
	// longestPause is also how long others stand in for a registry that let one down.
	longestPause = 5 * time.Second
	// maxHold bounds the Retry-After that is remembered.
	maxHold = 60 * time.Second
	// nearPause is a pause that is waited for, if it is not the registry's own wish:
	// short outages are sat out, long ones cost nobody his time.
	nearPause = time.Second
	// nearHold is the Retry-After that is waited for.
	nearHold = 5 * time.Second
)

// Outcome is what a request said about the registry.
type Outcome int

// The outcomes.
const (
	Unknown  Outcome = iota // nothing: it was cancelled, or never sent
	Answered                // it answers, be it 404
	Failed                  // it did not answer, or that it cannot at the moment
)

// Failure is why a request failed.
type Failure struct {
	Code       report.Code   // that those get who are refused
	Text       string        // safe to show, "503 Service Unavailable"
	RetryAfter time.Duration // the registry's own wish; 0 if it has none
}

// Breaker is the memory of one registry. The zero value is a sound one. It may
// be shared between goroutines.
type Breaker struct {
	mu       sync.Mutex
	failures int       // in a row
	since    time.Time // when the first of them ended
	last     Failure
	lastAt   time.Time
	answered time.Time     // when the last answer came
	usual    time.Duration // how long answers take, smoothed; 0 before the first

	guarded bool
	until   time.Time // nobody is let in before
	held    time.Time // when the registry asked for that itself; zero if it did not
	pauses  int       // in a row
	probe   *probe    // under way; nil if none is

	resting time.Time // see Rest; zero for a registry that let nobody down
}

type probe struct {
	began time.Time
	over  chan struct{} // closed by Leave
}

// Turn is the right to ask, once. It needs one [Breaker.Leave].
type Turn struct {
	began time.Time
	probe *probe
}

// Probe reports whether the turn is that of the one request at a time that is let
// through to a guarded registry.
func (t Turn) Probe() bool { return t.probe != nil }

// Confirm reports whether t still holds after a while in which nothing was sent:
// not if the registry has become guarded. The turn begins anew.
func (b *Breaker) Confirm(t *Turn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.began = monotonic()
	return t.probe != nil || !b.guarded
}

// Leave ends a turn and says what came of it; took is how long the answer took.
func (b *Breaker) Leave(t Turn, o Outcome, f Failure, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := monotonic()
	current := t.probe != nil && t.probe == b.probe
	if t.probe != nil {
		close(t.probe.over)
	}
	if current {
		b.probe = nil
	}
	switch o {
	case Answered:
		b.succeed(t, now, took)
	case Failed:
		b.fail(t, f, now)
		if current {
			b.pause(now)
		}
	case Unknown:
	}
}

func (b *Breaker) succeed(t Turn, now time.Time, took time.Duration) {
	b.answered, b.resting, b.failures = now, time.Time{}, 0
	if b.usual == 0 {
		b.usual = took
	}
	b.usual += (took - b.usual) / 8
	if now.Before(b.until) && t.began.Before(b.held) {
		return // asked before the registry wished to be left alone, and no reason not to
	}
	b.guarded, b.pauses, b.until, b.held = false, 0, time.Time{}, time.Time{}
}

func (b *Breaker) fail(t Turn, f Failure, now time.Time) {
	if f.RetryAfter > 0 {
		b.guarded, b.last, b.held = true, f, now
		if until := now.Add(min(f.RetryAfter, maxHold)); until.After(b.until) {
			b.until = until
		}
	}
	if t.began.Before(b.answered) {
		return // it has answered since: this says nothing about now
	}
	if !b.guarded && now.Sub(b.lastAt) > window {
		b.failures = 0
	}
	if b.failures == 0 {
		b.since = now
	}
	b.failures++
	b.last, b.lastAt = f, now
	b.guarded = b.guarded || b.failures >= threshold
}

// pause begins the next pause.
func (b *Breaker) pause(now time.Time) {
	d := min(shortestPause<<min(b.pauses, 10), longestPause)
	d = d/2 + time.Duration(rand.Int64N(int64(d/2)+1)) //nolint:gosec // jitter, not a secret
	b.pauses++
	if until := now.Add(d); until.After(b.until) {
		b.until, b.held = until, time.Time{}
	}
}

// patience is how long a probe may go unanswered before it counts as failed for
// those who wait.
func (b *Breaker) patience() time.Duration {
	return min(max(4*b.usual, 100*time.Millisecond), time.Second)
}

// SilentSince reports whether the registry has answered nobody since t.
func (b *Breaker) SilentSince(t time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.answered.Before(t)
}

// monotonic is the time that pauses are measured with. It is the process's own
// and not a caller's clock, as these have to end also while that stands still.
func monotonic() time.Time { return time.Now() } //nolint:forbidigo // see above; tests let it pass in a synctest bubble
