// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
)

func TestFlightSharesOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flight := evidence.NewFlight[int](time.Minute)
		var calls atomic.Int32
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				v, err := flight.Do(t.Context(), "k", func(context.Context) (int, error) {
					calls.Add(1)
					<-time.After(time.Second)
					return 42, nil
				})
				if v != 42 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			})
		}
		wg.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

func TestFlightSurvivesItsFirstCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flight := evidence.NewFlight[string](time.Minute)
		call := func(ctx context.Context) (string, error) {
			select {
			case <-time.After(time.Second):
				return "done", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := flight.Do(first, "k", call); !errors.Is(err, context.Canceled) {
				t.Errorf("first caller: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if v, err := flight.Do(t.Context(), "k", call); v != "done" || err != nil {
				t.Errorf("second caller: %q, %v", v, err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}

func TestFlightBoundsACallNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flight := evidence.NewFlight[int](time.Second)
		_, err := flight.Do(t.Context(), "k", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFlightTurnsAPanicIntoAnError(t *testing.T) {
	t.Parallel()
	flight := evidence.NewFlight[int](time.Minute)
	_, err := flight.Do(t.Context(), "k", func(context.Context) (int, error) { panic("boom") })
	if !errors.Is(err, evidence.ErrPanic) {
		t.Errorf("got %v", err)
	}
}

func TestFlightDoesNotStartForACallerThatHasGone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	flight := evidence.NewFlight[int](time.Minute)
	_, err := flight.Do(ctx, "k", func(context.Context) (int, error) {
		t.Error("called")
		return 0, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A question that a hung registry never answers must not hold up those who ask
// when it has recovered.
func TestFlightDoesNotJoinAHungCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flight := evidence.NewFlight[string](time.Minute)
		hung := func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}
		var calls atomic.Int32
		good := func(context.Context) (string, error) {
			calls.Add(1)
			return "answer", nil
		}
		impatient, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		for range 2 { // the second joins the first
			if _, err := flight.Do(impatient, "k", hung); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("hung: %v", err)
			}
		}
		pass(time.Second)
		for range 2 {
			v, err := flight.Do(t.Context(), "k", good)
			if v != "answer" || err != nil {
				t.Errorf("after recovery: %q, %v", v, err)
			}
		}
		if calls.Load() != 2 {
			t.Errorf("%d calls", calls.Load())
		}
		pass(2 * time.Minute)
	})
}
