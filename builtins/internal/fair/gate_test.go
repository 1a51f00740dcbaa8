// SPDX-License-Identifier: Apache-2.0

package fair_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/fair"
)

// line is a gate whose entrances are written down in order.
type line struct {
	*fair.Gate
	t  *testing.T
	in []string
}

// enter asks for a place and returns when it was given or the asking waits.
func (l *line) enter(ctx context.Context, key, name string, limit int) {
	go func() {
		if err := l.Enter(ctx, key, limit); err == nil {
			l.in = append(l.in, name)
		} else if !errors.Is(err, ctx.Err()) {
			l.t.Errorf("%s: %v", name, err)
		}
	}()
	synctest.Wait()
}

func (l *line) leave(key string) {
	l.Leave(key)
	synctest.Wait()
}

func (l *line) want(names ...string) {
	l.t.Helper()
	if diff := cmp.Diff(names, l.in); diff != "" {
		l.t.Errorf("let in (-want +got):\n%s", diff)
	}
	l.in = nil
}

// inLine runs a test of a gate with total places.
func inLine(t *testing.T, total int, test func(*testing.T, *line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, &line{Gate: fair.New(total), t: t}) })
}

func TestKeyAloneGetsThreeQuarters(t *testing.T) {
	t.Parallel()
	for total, want := range map[int]int{1: 1, 2: 1, 3: 2, 4: 3, 8: 6, 64: 48, 256: 192} {
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			t.Parallel()
			inLine(t, total, func(t *testing.T, l *line) {
				ctx, cancel := context.WithCancel(t.Context())
				for range total + 1 {
					l.enter(ctx, "slow", "slow", 0)
				}
				if len(l.in) != want {
					t.Errorf("%d places of %d, want %d", len(l.in), total, want)
				}
				cancel()
			})
		})
	}
}

func TestLimitOfTheKey(t *testing.T) {
	t.Parallel()
	inLine(t, 8, func(t *testing.T, l *line) {
		l.enter(t.Context(), "a", "a1", 2)
		l.enter(t.Context(), "a", "a2", 2)
		l.enter(t.Context(), "a", "a3", 2)
		l.want("a1", "a2")
		l.leave("a")
		l.want("a3")
	})
}

func TestSlowKeyLeavesPlacesForOthers(t *testing.T) {
	t.Parallel()
	inLine(t, 4, func(t *testing.T, l *line) {
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 9 {
			l.enter(ctx, "slow", fmt.Sprint(i), 0)
		}
		l.want("0", "1", "2")
		for range 3 {
			l.enter(t.Context(), "good", "good", 0)
			l.want("good")
			l.leave("good")
			l.want()
		}
		cancel()
	})
}

func TestFirstInFirstOut(t *testing.T) {
	t.Parallel()
	inLine(t, 1, func(t *testing.T, l *line) {
		for _, name := range []string{"1", "2", "3", "4"} {
			l.enter(t.Context(), "a", name, 0)
		}
		for range 3 {
			l.leave("a")
		}
		l.want("1", "2", "3", "4")
	})
}

func TestKeysTakeTurns(t *testing.T) {
	t.Parallel()
	inLine(t, 1, func(t *testing.T, l *line) {
		for _, name := range []string{"a0", "a1", "a2", "a3", "b1", "c1", "b2"} {
			l.enter(t.Context(), name[:1], name, 0)
		}
		for _, held := range []string{"a", "a", "b", "c", "a", "b"} {
			l.leave(held)
		}
		l.want("a0", "a1", "b1", "c1", "a2", "b2", "a3")
	})
}

func TestKeyAtItsLimitLosesItsTurnOnly(t *testing.T) {
	t.Parallel()
	inLine(t, 3, func(t *testing.T, l *line) {
		l.enter(t.Context(), "a", "a1", 1)
		l.enter(t.Context(), "b", "b1", 0)
		l.enter(t.Context(), "c", "c1", 0)
		l.enter(t.Context(), "a", "a2", 1)
		l.enter(t.Context(), "d", "d1", 0)
		l.want("a1", "b1", "c1")
		l.leave("b")
		l.want("d1")
		l.leave("a")
		l.want("a2")
	})
}

func TestWhoGivesUpLeavesNoHole(t *testing.T) {
	t.Parallel()
	for _, quits := range [][]int{{1}, {2}, {3}, {1, 2}, {2, 3}, {1, 3}, {1, 2, 3}} {
		t.Run(fmt.Sprint(quits), func(t *testing.T) {
			t.Parallel()
			inLine(t, 1, func(t *testing.T, l *line) {
				l.enter(t.Context(), "a", "0", 0)
				cancels, left := map[int]context.CancelFunc{}, []string{"0"}
				for i := 1; i <= 3; i++ {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					cancels[i] = cancel
					l.enter(ctx, "a", fmt.Sprint(i), 0)
				}
				for _, i := range quits {
					cancels[i]()
					delete(cancels, i)
					synctest.Wait()
				}
				for i := 1; i <= 3; i++ {
					if cancels[i] != nil {
						left = append(left, fmt.Sprint(i))
					}
				}
				for range left {
					l.leave("a")
				}
				l.want(left...)
				l.enter(t.Context(), "b", "b", 0)
				l.want("b")
			})
		})
	}
}

func TestDeadContextGetsNoPlace(t *testing.T) {
	t.Parallel()
	inLine(t, 1, func(t *testing.T, l *line) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Enter(ctx, "a", 0); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		l.enter(t.Context(), "a", "a", 0)
		l.want("a")
	})
}

func TestLeaveWithoutEnterPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	fair.New(1).Leave("a")
}

// Whatever happens, no more than the places are held, no key holds more than its
// limit, everybody gets in or gives up, and in the end all places are free and
// nothing is remembered.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const total, limit, keys = 8, 5, 6
	g := fair.New(total)
	var all atomic.Int64
	var of [keys]atomic.Int64
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			for range 300 {
				k := random.IntN(keys)
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(3) == 0 {
					go cancel()
				}
				if err := g.Enter(ctx, fmt.Sprint(k), limit); err == nil {
					if all.Add(1) > total || of[k].Add(1) > limit {
						t.Errorf("%d hold places, %d of them with key %d", all.Load(), of[k].Load(), k)
					}
					of[k].Add(-1)
					all.Add(-1)
					g.Leave(fmt.Sprint(k))
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if free, known := g.State(); free != total || known != 0 {
		t.Errorf("%d places free, %d keys remembered", free, known)
	}
}

func BenchmarkGate(b *testing.B) {
	b.Run("uncontended", func(b *testing.B) {
		g, ctx := fair.New(256), b.Context()
		b.ReportAllocs()
		for b.Loop() {
			if err := g.Enter(ctx, "registry.example", 64); err != nil {
				b.Fatal(err)
			}
			g.Leave("registry.example")
		}
	})
	b.Run("contended", func(b *testing.B) {
		g, ctx := fair.New(2), b.Context()
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := g.Enter(ctx, "registry.example", 0); err != nil {
					b.Error(err)
					return
				}
				g.Leave("registry.example")
			}
		})
	})
}
