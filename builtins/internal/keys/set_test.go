// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

// source answers with what it was told last.
type source struct {
	mu       sync.Mutex
	snapshot keys.Snapshot
	err      error
	fetches  atomic.Int32
	changed  atomic.Bool
	hang     bool
}

func (s *source) Fetch(ctx context.Context) (keys.Snapshot, error) {
	s.fetches.Add(1)
	s.mu.Lock()
	hang := s.hang
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return keys.Snapshot{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Store(false)
	return s.snapshot, s.err
}

func (s *source) answer(err error, all ...keys.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshot, s.err = keys.Snapshot{Keys: all}, err
}

// watched is a source that says when it changed.
type watched struct{ source }

func (w *watched) Changed() bool { return w.changed.Load() }

func key(name, version, content string) keys.Key {
	return keys.Key{Name: name, Version: version, PEM: []byte(content)}
}

var (
	errDown     = errors.New("connection refused")
	errDisabled = errors.New("disabled")
)

// found is the outcome of a lookup as text: the contents, then why others are
// absent.
func found(t *testing.T, s *keys.Set, name, version string) string {
	t.Helper()
	f, err := s.Lookup(t.Context(), "prod", name, version)
	if err != nil {
		return err.Error()
	}
	var parts []string
	for _, k := range f.Keys {
		parts = append(parts, string(k.PEM))
	}
	for _, a := range f.Absent {
		parts = append(parts, fmt.Sprintf("absent %s unseen=%t retryable=%t: %v", a.Version, a.Unseen, a.Retryable, a.Err))
	}
	return strings.Join(parts, " | ")
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// pass lets time go by in a bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func newSet(t *testing.T, s keys.Source, o keys.Options) *keys.Set {
	t.Helper()
	set := keys.NewSet([]keys.Provider{{Name: "prod", Source: s, RefreshInterval: time.Minute, MaxStale: time.Hour}}, o)
	t.Cleanup(set.Close)
	return set
}

func TestLookupSelectsVersions(t *testing.T) {
	t.Parallel()
	s := &source{}
	newest := key("release", "3", "three")
	newest.Latest = true
	s.answer(nil, key("release", "1", "one"), keys.Key{Name: "release", Version: "2", Err: errDisabled}, newest, key("root", "", "only"),
		keys.Key{Name: "gone", Version: "1", Err: errDisabled}, keys.Key{Name: "gone", Version: "2", Err: errDisabled},
		keys.Key{Name: "whole", Err: errDisabled})
	set := newSet(t, s, keys.Options{})
	for _, tt := range []struct{ name, version, want string }{
		{"release", "", "three"},
		{"release", "latest", "three"},
		{"release", "1", "one"},
		{"release", "2", "absent 2 unseen=false retryable=false: disabled"},
		{"release", "all enabled", "one | three"},
		{"release", "4", `absent 4 unseen=false retryable=false: it has no version "4"; there are "1", "2", "3"`},
		{"root", "", "only"},
		{"gone", "", `absent  unseen=false retryable=false: none of its versions "1", "2" is enabled`},
		{"gone", "all enabled", "absent 1 unseen=false retryable=false: disabled | absent 2 unseen=false retryable=false: disabled"},
		{"whole", "7", "absent  unseen=false retryable=false: disabled"},
		{"relaese", "", `absent  unseen=false retryable=false: there is none of that name; there are "release", "root", "gone", "whole"`},
	} {
		want(t, found(t, set, tt.name, tt.version), tt.want)
	}
	if _, err := set.Lookup(t.Context(), "dev", "x", ""); !errors.Is(err, keys.ErrUnknown) || !strings.Contains(err.Error(), `there are "prod"`) {
		t.Errorf("unknown provider: %v", err)
	}
}

// A key is gone as soon as the service says so; a service that says nothing takes
// nothing away until max_stale.
func TestOutageKeepsTheLastGoodKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.answer(nil, key("a", "", "A"), key("b", "", "B"))
		set := newSet(t, s, keys.Options{Background: true})
		want(t, found(t, set, "a", ""), "A")

		s.answer(nil, keys.Key{Name: "a", Err: errDisabled}, key("b", "", "B"))
		pass(time.Minute)
		want(t, found(t, set, "a", ""), "absent  unseen=false retryable=false: disabled")

		s.answer(errDown)
		pass(time.Minute)
		want(t, found(t, set, "b", ""), "B")
		want(t, found(t, set, "a", ""), "absent  unseen=false retryable=false: disabled")
		if st := set.Status()[0]; st.Keys != 1 || st.Empty || !errors.Is(st.Err, errDown) {
			t.Errorf("status %+v", st)
		}

		pass(time.Hour + time.Minute)
		if got := found(t, set, "b", ""); !strings.Contains(got, "unseen=true retryable=true: last seen at ") || !strings.Contains(got, "connection refused") {
			t.Errorf("after max_stale: %s", got)
		}
		if st := set.Status()[0]; st.Keys != 0 || !st.Empty {
			t.Errorf("status %+v", st)
		}

		s.answer(nil, key("b", "", "B2"))
		pass(time.Minute)
		want(t, found(t, set, "b", ""), "B2")
	})
}

func TestOneBadKeyDoesNotRemoveTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.answer(nil, key("a", "1", "A1"), key("b", "1", "B1"), key("c", "1", "C1"))
		set := newSet(t, s, keys.Options{Background: true})
		want(t, found(t, set, "a", ""), "A1")

		throttled := &keys.Error{Step: "get key", Code: "429", Message: "Too Many Requests", RequestID: "r1", Retryable: true}
		s.answer(errDown, key("a", "2", "A2"), keys.Key{Name: "b", Version: "1", Err: throttled})
		pass(time.Minute)
		want(t, found(t, set, "a", "all enabled"), "A2") // seen: its version 1 is gone
		want(t, found(t, set, "b", ""), "B1")            // nobody knows
		want(t, found(t, set, "c", ""), "C1")            // nobody knows
		pass(2 * time.Hour)
		if got := found(t, set, "b", ""); !strings.HasSuffix(got, "get key: 429 Too Many Requests (request id r1)") {
			t.Error(got)
		}
	})
}

func TestFailuresAreRetriedSoonerThanTheInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.answer(errDown)
		set := newSet(t, s, keys.Options{Background: true})
		want(t, found(t, set, "a", ""), "absent  unseen=true retryable=true: connection refused")
		pass(5 * time.Second)
		if n := s.fetches.Load(); n != 2 {
			t.Errorf("%d fetches after 5 s, want 2", n)
		}
		s.answer(nil, key("a", "", "A"))
		pass(10 * time.Second)
		want(t, found(t, set, "a", ""), "A")
		before := s.fetches.Load()
		pass(10 * time.Minute)
		if n := s.fetches.Load() - before; n < 10 || n > 12 {
			t.Errorf("%d fetches in 10 intervals", n)
		}
	})
}

func TestKeysCountWithinTheirTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		s := &source{}
		s.answer(nil, keys.Key{Name: "a", PEM: []byte("A"), NotBefore: now.Add(time.Second), NotAfter: now.Add(3 * time.Second)})
		set := newSet(t, s, keys.Options{Background: true})
		want(t, found(t, set, "a", ""), "absent  unseen=false retryable=false: not yet valid: it is from 2000-01-01T00:00:01Z")
		pass(time.Second)
		want(t, found(t, set, "a", ""), "A")
		pass(2 * time.Second)
		want(t, found(t, set, "a", ""), "absent  unseen=false retryable=false: expired at 2000-01-01T00:00:03Z")
	})
}

// The first lookup waits for the first fetch, but leaves the caller half of its
// time; a source that hangs is given up after 30 s.
func TestHungSourceLeavesTheCallerTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{hang: true}
		set := newSet(t, s, keys.Options{Background: true})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		f, err := set.Lookup(ctx, "prod", "a", "")
		if waited := time.Since(began); waited != 1500*time.Millisecond || err != nil || len(f.Absent) != 1 || !errors.Is(f.Absent[0].Err, keys.ErrPending) {
			t.Errorf("after %v: %+v, %v", waited, f, err)
		}
		if got := found(t, set, "a", ""); !strings.Contains(got, "deadline exceeded") || time.Since(began) != 30*time.Second {
			t.Errorf("after %v: %s", time.Since(began), got)
		}
	})
}

func TestWatchedSourceIsReadAgainAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &watched{}
		s.answer(nil, key("a", "", "A"))
		set := newSet(t, s, keys.Options{})
		want(t, found(t, set, "a", ""), "A")
		s.answer(nil, key("a", "", "A2"))
		s.changed.Store(true)
		want(t, found(t, set, "a", ""), "A") // looked at within this second
		pass(time.Second)
		want(t, found(t, set, "a", ""), "A2")
		fetches := s.fetches.Load()
		pass(10 * time.Second)
		want(t, found(t, set, "a", ""), "A2")
		if n := s.fetches.Load(); n != fetches {
			t.Errorf("read %d times more without a change", n-fetches)
		}
	})
}

// Without background work a lookup fetches when the interval has passed.
func TestLazySetFetchesWhenDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.answer(nil, key("a", "", "A"))
		set := newSet(t, s, keys.Options{})
		if n := s.fetches.Load(); n != 0 {
			t.Errorf("%d fetches before anybody asked", n)
		}
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() { want(t, found(t, set, "a", ""), "A") })
		}
		callers.Wait()
		if n := s.fetches.Load(); n != 1 {
			t.Errorf("%d fetches for 50 callers, want 1", n)
		}
		pass(time.Minute)
		found(t, set, "a", "")
		synctest.Wait()
		if n := s.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

func TestChangesOfStateAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.answer(nil, key("a", "", "A"))
		var told, fetched atomic.Int32
		newSet(t, s, keys.Options{
			Background: true, Changed: func() { told.Add(1) },
			Fetched: func(st keys.Status) {
				if st.Provider != "prod" {
					t.Errorf("fetched %q", st.Provider)
				}
				fetched.Add(1)
			},
		})
		step := func(d time.Duration, want int32) {
			t.Helper()
			pass(d)
			if told.Load() != want {
				t.Errorf("told %d times, want %d", told.Load(), want)
			}
		}
		step(time.Second, 1)
		step(10*time.Minute, 1)
		s.answer(errDown)
		step(10*time.Minute, 2)
		step(time.Hour, 3) // max_stale passed
		s.answer(nil, key("a", "", "A"))
		step(10*time.Minute, 4)
		if fetched.Load() != s.fetches.Load() {
			t.Errorf("told of %d fetches of %d", fetched.Load(), s.fetches.Load())
		}
	})
}

// What no source should do must not reach a trust document, nor end the process.
func TestFaultySources(t *testing.T) {
	t.Parallel()
	private := "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
	s := &source{}
	s.answer(nil, key("empty", "", " \n"), key("private", "", private))
	set := newSet(t, s, keys.Options{})
	want(t, found(t, set, "empty", ""), "absent  unseen=false retryable=false: read: it is empty")
	if got := found(t, set, "private", ""); !strings.Contains(got, "PRIVATE KEY; remove it") || strings.Contains(got, "c2VjcmV0") {
		t.Error(got)
	}
	set = newSet(t, panics{}, keys.Options{})
	want(t, found(t, set, "a", ""), "absent  unseen=true retryable=false: fetch: internal fault, please report it: boom")
}

type panics struct{}

func (panics) Fetch(context.Context) (keys.Snapshot, error) { panic("boom") }

func TestNilSetHasNoProviders(t *testing.T) {
	t.Parallel()
	var set *keys.Set
	defer set.Close()
	if _, err := set.Lookup(t.Context(), "prod", "a", ""); !errors.Is(err, keys.ErrUnknown) || len(set.Names()) != 0 || len(set.Status()) != 0 {
		t.Errorf("got %v", err)
	}
}
