// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/lease"
)

// service hands out numbered values that live for life.
type service struct {
	life  time.Duration // zero: for ever
	takes time.Duration
	asked atomic.Int32
	down  atomic.Bool
}

var errDown = errors.New("down")

func (s *service) ask(_ context.Context, key string) (string, time.Time, error) {
	n := s.asked.Add(1)
	if s.takes > 0 {
		<-time.After(s.takes)
	}
	switch {
	case s.down.Load():
		return "", time.Time{}, errDown
	case s.life == 0:
		return key + strconv.Itoa(int(n)), time.Time{}, nil
	}
	return key + strconv.Itoa(int(n)), time.Now().Add(s.life), nil
}

func leases(ask func(context.Context, string) (string, time.Time, error)) *lease.Leases[string, string] {
	return lease.New(lease.Options[string, string]{Ask: ask, Timeout: time.Minute, Now: time.Now})
}

// step takes "a" after d and wants a value or an error, and a number of questions,
// those in the background included.
func step(t *testing.T, l *lease.Leases[string, string], s *service, d time.Duration, want string, asked int32) {
	t.Helper()
	<-time.After(d)
	got, err := l.Take(t.Context(), "a")
	if err != nil {
		got = err.Error()
	}
	synctest.Wait()
	if got != want || s.asked.Load() != asked {
		t.Errorf("%q after %d questions, want %q after %d", got, s.asked.Load(), want, asked)
	}
}

func TestServiceIsAskedOncePerKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour, takes: time.Second}
		l := leases(s.ask)
		impatient, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			if _, err := l.Take(impatient, "a"); !errors.Is(err, context.Canceled) {
				t.Errorf("the first caller: %v", err)
			}
		})
		synctest.Wait()
		for i := range 200 {
			callers.Go(func() {
				key := []string{"a", "b"}[i%2]
				if got, err := l.Take(t.Context(), key); err != nil || !strings.HasPrefix(got, key) {
					t.Errorf("%s: %q, %v", key, got, err)
				}
			})
		}
		cancel()
		callers.Wait()
		if n := s.asked.Load(); n != 2 {
			t.Errorf("%d questions for 2 keys", n)
		}
	})
}

func TestQuestionEndsWithItsOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := leases(func(ctx context.Context, _ string) (string, time.Time, error) {
			<-ctx.Done()
			return "", time.Time{}, ctx.Err()
		})
		began := time.Now()
		if _, err := l.Take(t.Context(), "a"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestValueIsRenewedAheadOfItsEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		life, fresh, due time.Duration // due: after fresh, when the next is asked for
	}{
		{time.Hour, 54 * time.Minute, time.Minute},
		{12 * time.Minute, 8 * time.Minute, time.Minute},
		{12 * time.Hour, 12*time.Hour - 6*time.Minute, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{life: tt.life}
			l := leases(s.ask)
			step(t, l, s, 0, "a1", 1)
			step(t, l, s, tt.fresh, "a1", 1)
			step(t, l, s, tt.due, "a1", 2) // the one at hand is used meanwhile
			step(t, l, s, 0, "a2", 2)
			step(t, l, s, 2*tt.life, "a3", 3)
		})
	}
}

func TestValueWithoutEndIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		l := leases(s.ask)
		step(t, l, s, 0, "a1", 1)
		step(t, l, s, 365*24*time.Hour, "a1", 1)
	})
}

// A good value outlives an outage, up to its last moments; afterwards the reason is
// told without asking each time.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour}
		l := leases(s.ask)
		step(t, l, s, 0, "a1", 1)
		s.down.Store(true)
		step(t, l, s, 55*time.Minute, "a1", 2)
		step(t, l, s, 0, "a1", 2) // paused for 1 s
		step(t, l, s, time.Second, "a1", 3)
		step(t, l, s, time.Second, "a1", 3) // paused for 2 s
		step(t, l, s, time.Second, "a1", 4)
		step(t, l, s, 4*time.Minute+26*time.Second, "a1", 5)
		step(t, l, s, time.Second, "down (asked again from 2000-01-01T00:59:37Z on)", 5) // 30 s before its end
		step(t, l, s, time.Minute, "down", 6)
		s.down.Store(false)
		step(t, l, s, time.Second, "down (asked again from 2000-01-01T01:00:46Z on)", 6)
		step(t, l, s, time.Minute, "a7", 7)
	})
}

func TestPauseGrowsToAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour}
		s.down.Store(true)
		l := leases(s.ask)
		step(t, l, s, 0, "down", 1)
		for i, seconds := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			pause := time.Duration(seconds) * time.Second
			_, err := l.Take(t.Context(), "a")
			p, ok := errors.AsType[*lease.PauseError](err)
			if !ok || !errors.Is(err, errDown) || !p.Until.Equal(time.Now().Add(pause)) {
				t.Errorf("after %d failures: %v, want a pause of %v", i+1, err, pause)
			}
			step(t, l, s, pause, "down", int32(i+2))
		}
	})
}

// What is asked with something leased waits as that does, and no longer.
func TestPauseOfAnotherLeaseIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour}
		s.down.Store(true)
		identity := leases(s.ask)
		l := leases(func(ctx context.Context, _ string) (string, time.Time, error) {
			token, err := identity.Take(ctx, "a")
			if err != nil {
				return "", time.Time{}, fmt.Errorf("ask as x: %w", err)
			}
			return token, time.Now().Add(time.Hour), nil
		})
		for range 6 { // the identity is in pause for 32 s
			if _, err := identity.Take(t.Context(), "a"); err == nil {
				t.Fatal("no error")
			}
			<-time.After(time.Minute)
		}
		if _, err := identity.Take(t.Context(), "a"); err == nil {
			t.Fatal("no error")
		}
		s.down.Store(false)
		for range 100 {
			if _, err := l.Take(t.Context(), "b"); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
		}
		<-time.After(time.Minute)
		if got, err := l.Take(t.Context(), "b"); err != nil || got != "a8" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestRefusedValueIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour}
		l := leases(s.ask)
		step(t, l, s, 0, "a1", 1)
		if l.Refused("a", "a1") {
			t.Error("a new value was dropped")
		}
		<-time.After(time.Minute)
		if l.Refused("a", "other") || l.Refused("b", "a1") || !l.Refused("a", "a1") {
			t.Error("not exactly the value that was refused was dropped")
		}
		step(t, l, s, 0, "a2", 2)
	})
}

func TestAnswerOfNoUse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ask  func(context.Context, string) (string, time.Time, error)
		want string
	}{
		"expired": {func(context.Context, string) (string, time.Time, error) { return "v", time.Unix(1, 0), nil }, "it expired at 1970-01-01T00:00:01Z, before it came; compare the clocks"},
		"panic":   {func(context.Context, string) (string, time.Time, error) { panic("boom") }, "ask: internal fault, please report it: boom"},
	} {
		l := leases(tt.ask)
		for range 2 {
			if got, err := l.Take(t.Context(), "a"); got != "" || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	}
}

// Strangers name hosts; what is kept of them is bounded and does not push out what
// is used.
func TestLeasesAreBounded(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	l := leases(func(_ context.Context, key string) (string, time.Time, error) {
		asked.Add(1)
		if key == "good" {
			return key, time.Now().Add(time.Hour), nil
		}
		return "", time.Time{}, errDown
	})
	for i := range 3000 {
		_, _ = l.Take(t.Context(), strconv.Itoa(i))
		if v, err := l.Take(t.Context(), "good"); v != "good" || err != nil {
			t.Fatalf("got %q, %v", v, err)
		}
	}
	if _, err := l.Take(t.Context(), "0"); !errors.Is(err, errDown) || asked.Load() != 3002 {
		t.Errorf("%v after %d questions; the first key is forgotten by now", err, asked.Load())
	}
}

// Of callers that pause by themselves nobody is held back who has nothing good.
func TestEagerCallersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour}
		l := lease.New(lease.Options[string, string]{Ask: s.ask, Timeout: time.Minute, Now: time.Now, Eager: true})
		step(t, l, s, 0, "a1", 1)
		s.down.Store(true)
		step(t, l, s, 55*time.Minute, "a1", 2)
		step(t, l, s, 0, "a1", 2) // renewal is paused
		step(t, l, s, time.Hour, "down", 3)
		step(t, l, s, 0, "down", 4)
		s.down.Store(false)
		step(t, l, s, 0, "a5", 5)
	})
}

func TestDroppedValueIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour}
		l := leases(s.ask)
		step(t, l, s, 0, "a1", 1)
		l.Drop("other")
		step(t, l, s, 0, "a1", 1)
		l.Drop("a1")
		step(t, l, s, 0, "a2", 2)
	})
}
