// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
)

// clock is a clock that tests move.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time { return c.at }

func TestCacheForgetsWhatExpired(t *testing.T) {
	t.Parallel()
	c := newClock()
	cache := evidence.NewCache[string](10, 100, c.now)
	cache.Put("a", "kept", 1, c.at.Add(time.Second))
	if v, ok := cache.Get("a"); !ok || v != "kept" {
		t.Fatalf("before expiry: %q, %v", v, ok)
	}
	c.at = c.at.Add(time.Second)
	if v, ok := cache.Get("a"); ok {
		t.Errorf("at expiry: %q", v)
	}
	if cache.Cost() != 0 {
		t.Errorf("cost %d after the only entry expired", cache.Cost())
	}
}

func TestCacheStaysWithinItsCost(t *testing.T) {
	t.Parallel()
	cache := evidence.NewCache[int](1000, 100, newClock().now)
	for i := range 500 {
		cache.Put(fmt.Sprint(i), i, 7, time.Time{})
		if cache.Cost() > 100 {
			t.Fatalf("cost %d after %d entries", cache.Cost(), i+1)
		}
	}
	if _, ok := cache.Get("499"); !ok {
		t.Error("the newest entry is gone")
	}
	if _, ok := cache.Get("0"); ok {
		t.Error("the oldest entry is still there")
	}
}

func TestCacheStaysWithinItsEntries(t *testing.T) {
	t.Parallel()
	cache := evidence.NewCache[int](3, 1000, newClock().now)
	for i := range 10 {
		cache.Put(fmt.Sprint(i), i, 1, time.Time{})
	}
	if cache.Cost() != 3 {
		t.Errorf("cost %d, want 3", cache.Cost())
	}
}

func TestCacheRefusesWhatIsTooDear(t *testing.T) {
	t.Parallel()
	cache := evidence.NewCache[int](3, 10, newClock().now)
	cache.Put("small", 1, 5, time.Time{})
	cache.Put("huge", 2, 11, time.Time{})
	if _, ok := cache.Get("huge"); ok {
		t.Error("an entry dearer than the cache was kept")
	}
	if _, ok := cache.Get("small"); !ok {
		t.Error("a refused entry drove out another")
	}
}

func TestCacheReplacesWithoutCountingTwice(t *testing.T) {
	t.Parallel()
	cache := evidence.NewCache[int](3, 10, newClock().now)
	for i := range 20 {
		cache.Put("a", i, 6, time.Time{})
	}
	if v, _ := cache.Get("a"); v != 19 || cache.Cost() != 6 {
		t.Errorf("value %d, cost %d", v, cache.Cost())
	}
}

func TestCacheWithoutRoomKeepsNothing(t *testing.T) {
	t.Parallel()
	for _, cache := range []*evidence.Cache[int]{
		evidence.NewCache[int](0, 10, newClock().now),
		evidence.NewCache[int](10, -1, newClock().now),
	} {
		cache.Put("a", 1, 1, time.Time{})
		if _, ok := cache.Get("a"); ok {
			t.Error("kept")
		}
	}
}
