// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/health"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

var down = health.Failure{Code: report.Unavailable, Text: "503 Service Unavailable"}

func limited(wish time.Duration) health.Failure {
	return health.Failure{Code: report.RateLimited, Text: "429 Too Many Requests", RetryAfter: wish}
}

// timed runs a test in which time passes only where everybody waits for it.
func timed(t *testing.T, test func(*testing.T, *health.Breaker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, &health.Breaker{}) })
}

func enter(t *testing.T, b *health.Breaker) health.Turn {
	t.Helper()
	turn, err := b.Enter(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

// fail makes n requests fail one after the other.
func fail(t *testing.T, b *health.Breaker, n int) {
	t.Helper()
	for range n {
		b.Leave(enter(t, b), health.Failed, down, 0)
	}
}

func answer(t *testing.T, b *health.Breaker) {
	t.Helper()
	b.Leave(enter(t, b), health.Answered, health.Failure{}, 20*time.Millisecond)
}

// guarded makes the registry guarded and leaves it in the pause after n probes.
func guarded(t *testing.T, b *health.Breaker, n int) {
	t.Helper()
	fail(t, b, 5)
	for range n {
		turn := probe(t, b)
		b.Leave(turn, health.Failed, down, 0)
	}
}

// probe passes the pause, whatever its length, and returns the turn of the probe.
func probe(t *testing.T, b *health.Breaker) health.Turn {
	t.Helper()
	pass(t, 5*time.Second)
	turn := enter(t, b)
	if !turn.Probe() {
		t.Fatal("not a probe")
	}
	return turn
}

// pass lets time pass.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	<-ctx.Done()
}

func refused(t *testing.T, b *health.Breaker) *health.Refusal {
	t.Helper()
	_, err := b.Enter(t.Context(), true)
	r, ok := errors.AsType[*health.Refusal](err)
	if !ok {
		t.Fatalf("not refused: %v", err)
	}
	return r
}

func TestFourFailuresAreNotEnough(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		fail(t, b, 4)
		if turn := enter(t, b); turn.Probe() {
			t.Error("guarded after four failures")
		}
	})
}

func TestFiveFailuresInARowLetOneProbeThrough(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		fail(t, b, 5)
		began := time.Now()
		turn := enter(t, b)
		if !turn.Probe() || time.Since(began) != 0 {
			t.Errorf("probe %v after %v, want one at once", turn.Probe(), time.Since(began))
		}
		if _, err := b.Enter(t.Context(), false); err == nil {
			t.Error("a second one beside the probe")
		}
	})
}

func TestFailuresFarApartAreNotInARow(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		for range 20 {
			fail(t, b, 1)
			pass(t, 11*time.Second)
		}
		if turn := enter(t, b); turn.Probe() {
			t.Error("guarded")
		}
	})
}

func TestAnAnswerEndsTheRow(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		for range 5 {
			fail(t, b, 4)
			answer(t, b)
		}
		if turn := enter(t, b); turn.Probe() {
			t.Error("guarded")
		}
	})
}

func TestProbesAnswerLetsEverybodyIn(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		fail(t, b, 5)
		turn := enter(t, b)
		in := make(chan bool, 8)
		for range cap(in) {
			go func() {
				own, err := b.Enter(t.Context(), true)
				in <- err == nil && !own.Probe()
			}()
		}
		synctest.Wait()
		if len(in) != 0 {
			t.Fatalf("%d did not wait for the probe", len(in))
		}
		b.Leave(turn, health.Answered, health.Failure{}, time.Millisecond)
		synctest.Wait()
		for range cap(in) {
			if !<-in {
				t.Error("one was not let in as usual")
			}
		}
	})
}

func TestPausesGrowAndNewcomersAreRefused(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		guarded(t, b, 5)
		for _, most := range []time.Duration{3200 * time.Millisecond, 5 * time.Second, 5 * time.Second} {
			turn := probe(t, b)
			b.Leave(turn, health.Failed, down, 0)
			r := refused(t, b)
			if r.Code != report.Unavailable || r.RetryAfter < most/2 || r.RetryAfter > most {
				t.Errorf("refused with %s for %v, want %v to %v", r.Code, r.RetryAfter, most/2, most)
			}
		}
		if text := refused(t, b).Error(); !strings.Contains(text, "13 times in a row since 2000-01-01T") || !strings.Contains(text, "503 Service Unavailable") {
			t.Error(text)
		}
	})
}

func TestShortPausesAreWaitedFor(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		guarded(t, b, 1)
		began := time.Now()
		if turn := enter(t, b); !turn.Probe() || time.Since(began) < 50*time.Millisecond || time.Since(began) > 100*time.Millisecond {
			t.Errorf("probe %v after %v", turn.Probe(), time.Since(began))
		}
	})
}

func TestNobodyWaitsBeyondHisTime(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		guarded(t, b, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := b.Enter(ctx, true)
		if _, ok := errors.AsType[*health.Refusal](err); !ok || time.Since(began) != 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestWaitForAProbeEndsWithTheContext(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		fail(t, b, 5)
		enter(t, b)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := b.Enter(ctx, true); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestProbeThatSaysNothingIsFollowedAtOnce(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		fail(t, b, 5)
		b.Leave(enter(t, b), health.Unknown, health.Failure{}, 0)
		began := time.Now()
		if turn := enter(t, b); !turn.Probe() || time.Since(began) != 0 {
			t.Errorf("probe %v after %v", turn.Probe(), time.Since(began))
		}
	})
}

func TestHungProbeIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		answer(t, b)
		fail(t, b, 5)
		hung, began := enter(t, b), time.Now()
		next := enter(t, b)
		if took := time.Since(began); !next.Probe() || took < 150*time.Millisecond || took > 200*time.Millisecond {
			t.Errorf("probe %v after %v, want after 100 ms and a pause of 50 to 100", next.Probe(), took)
		}
		b.Leave(hung, health.Answered, health.Failure{}, time.Second)
		if turn := enter(t, b); turn.Probe() {
			t.Error("the late answer does not count")
		}
	})
}

func TestRetryAfterHoldsForEverybody(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		b.Leave(enter(t, b), health.Failed, limited(2*time.Second), 0)
		began := time.Now()
		if turn := enter(t, b); !turn.Probe() || time.Since(began) != 2*time.Second {
			t.Errorf("probe %v after %v", turn.Probe(), time.Since(began))
		}
	})
}

func TestLongRetryAfterRefuses(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		b.Leave(enter(t, b), health.Failed, limited(time.Hour), 0)
		r := refused(t, b)
		if r.Code != report.RateLimited || r.RetryAfter != time.Minute || !strings.Contains(r.Error(), "left alone until 2000-01-01T00:01:00Z") {
			t.Errorf("got %s for %v: %v", r.Code, r.RetryAfter, r)
		}
		pass(t, time.Minute)
		if turn := enter(t, b); !turn.Probe() {
			t.Error("not a probe")
		}
	})
}

func TestAnswerToAnEarlierQuestionDoesNotEndAHold(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		early := enter(t, b)
		pass(t, time.Millisecond)
		b.Leave(enter(t, b), health.Failed, limited(30*time.Second), 0)
		b.Leave(early, health.Answered, health.Failure{}, time.Millisecond)
		refused(t, b)
	})
}

func TestFailureOfAnEarlierQuestionDoesNotCount(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		var hung []health.Turn
		for range 50 {
			hung = append(hung, enter(t, b))
		}
		pass(t, time.Second)
		answer(t, b)
		for _, turn := range hung {
			b.Leave(turn, health.Failed, down, 0)
		}
		if turn := enter(t, b); turn.Probe() {
			t.Error("guarded though it has answered since")
		}
	})
}

func TestConfirmSeesWhatHappenedMeanwhile(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		turn := enter(t, b)
		if !b.Confirm(&turn) {
			t.Error("a sound registry")
		}
		fail(t, b, 5)
		if b.Confirm(&turn) {
			t.Error("a guarded registry")
		}
		if turn = enter(t, b); !b.Confirm(&turn) {
			t.Error("the probe")
		}
	})
}

func TestOneWhoDisappointedIsWorthATryNowAndThen(t *testing.T) {
	t.Parallel()
	timed(t, func(t *testing.T, b *health.Breaker) {
		b.Rest()
		for i, want := range []bool{false, true, true} {
			if got := b.Worth(); got != want {
				t.Errorf("try %d: %v", i, got)
			}
			if b.Worth() && i < 2 {
				t.Errorf("try %d: a second one at the same time", i)
			}
			pass(t, 6*time.Second)
			if i == 1 {
				answer(t, b)
			}
		}
	})
}

func BenchmarkEnterLeave(b *testing.B) {
	var sound health.Breaker
	b.ReportAllocs()
	for b.Loop() {
		turn, err := sound.Enter(b.Context(), true)
		if err != nil {
			b.Fatal(err)
		}
		sound.Leave(turn, health.Answered, health.Failure{}, time.Millisecond)
	}
}
