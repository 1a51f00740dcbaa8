// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"time"
)

// Enter returns the turn to ask the registry. While it is guarded Enter waits for
// the probe under way, and for the end of a pause that is near and that ctx leaves
// time for; one who is not patient does not wait.
//
// The error is a [*Refusal], or wraps ctx.Err(); there is no turn to end then.
func (b *Breaker) Enter(ctx context.Context, patient bool) (Turn, error) {
	for {
		t, w, err := b.turn(ctx, patient)
		if err != nil || w == nil {
			return t, err
		}
		if err := w.wait(ctx); err != nil {
			return Turn{}, err
		}
	}
}

// waiting is what has to be waited for before the next look: the earlier of a
// probe's outcome and the end of a time.
type waiting struct {
	probe  <-chan struct{} // nil: no probe is under way
	atMost time.Duration
}

func (w *waiting) wait(ctx context.Context) error {
	timer := time.NewTimer(w.atMost)
	defer timer.Stop()
	select {
	case <-w.probe:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for it to answer again: %w", ctx.Err())
	}
}

// turn returns a turn, or what to wait for before there may be one.
func (b *Breaker) turn(ctx context.Context, patient bool) (Turn, *waiting, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := monotonic()
	if !b.guarded {
		return Turn{began: now}, nil, nil
	}
	if b.probe != nil {
		if left := b.patience() - now.Sub(b.probe.began); left > 0 {
			return b.wait(ctx, now, patient, waiting{probe: b.probe.over, atMost: left})
		}
		b.probe = nil // its answer is still welcome
		b.pause(now)
	}
	if now.Before(b.until) {
		return b.wait(ctx, now, patient, waiting{atMost: b.until.Sub(now)})
	}
	b.probe = &probe{began: now, over: make(chan struct{})}
	return Turn{began: now, probe: b.probe}, nil, nil
}

// wait returns w if waiting for it is worth it, else the refusal.
func (b *Breaker) wait(ctx context.Context, now time.Time, patient bool, w waiting) (Turn, *waiting, error) {
	near := nearPause
	if !b.held.IsZero() {
		near = nearHold
	}
	deadline, limited := ctx.Deadline()
	switch {
	case !patient, w.probe == nil && w.atMost > near, w.probe == nil && limited && deadline.Sub(now) <= w.atMost:
		return Turn{}, nil, b.refusal(now)
	default:
		return Turn{}, &w, nil
	}
}

// Worth reports whether to ask a registry that another can stand in for: not for
// 5 s after [Breaker.Rest], then once every 5 s until it has answered.
func (b *Breaker) Worth() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := monotonic()
	if b.guarded && now.Before(b.until) {
		return false
	}
	if b.resting.IsZero() {
		return true
	}
	if now.Sub(b.resting) < longestPause {
		return false
	}
	b.resting = now
	return true
}

// Rest says that the registry let somebody down who has another to ask.
func (b *Breaker) Rest() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.resting = monotonic()
}
