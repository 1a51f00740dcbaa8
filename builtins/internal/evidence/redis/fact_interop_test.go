// SPDX-License-Identifier: Apache-2.0

//go:build interop

package redis_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/redis"
	"github.com/opa-ratify/opa-ratify/test/redistest"
)

func keyed(key string) func(*redis.Options) {
	return func(o *redis.Options) { o.Key = []byte(strings.Repeat(key, 32)) }
}

func share(tb testing.TB, c *redis.Client, e *events, key, value string, asOf time.Time) {
	tb.Helper()
	before := e.sum(redis.Facts, redis.Stored)
	c.Share(key, []byte(value), asOf, time.Minute)
	e.wait(tb, "redis_facts stored", before+1)
}

func TestInteropFactsAreSharedByThoseWithTheKey(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	one, events := open(t, s, keyed("k"))
	other, _ := open(t, s, keyed("k"))
	stranger, _ := open(t, s, keyed("s"))
	none, _ := open(t, s, nil)
	asOf := time.Now()
	share(t, one, events, "tags app:v1", `"a digest"`, asOf)
	if value, at, ok := other.Recall(t.Context(), "tags app:v1"); !ok || string(value) != `"a digest"` || !at.Equal(asOf) {
		t.Errorf("another replica: %q as of %v, %t", value, at, ok)
	}
	if value, _, ok := other.Recall(t.Context(), "tags app:v2"); ok {
		t.Errorf("another tag: %q", value)
	}
	if value, _, ok := stranger.Recall(t.Context(), "tags app:v1"); ok {
		t.Errorf("another key: %q", value)
	}
	if value, _, ok := none.Recall(t.Context(), "tags app:v1"); ok || none.Facts() != nil {
		t.Errorf("no key: %q", value)
	}
	none.Share("tags app:v3", []byte("x"), asOf, time.Minute)
	if ttl, ok := s.Do(t, "PTTL", s.Keys(t, "test:fact:*")[0]).(int64); !ok || ttl > 60_000 || ttl < 1 {
		t.Errorf("kept for %v ms", ttl)
	}
}

// Threat: whoever can write to the server, and would hide what a tag names.
func TestInteropAPoisonedFactWasNeverThere(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	c, events := open(t, s, keyed("k"))
	asOf := time.Now()
	fact := func(key, value string) (string, []byte) {
		s.Do(t, "FLUSHALL")
		share(t, c, events, key, value, asOf)
		name := s.Keys(t, "*")[0]
		return name, s.Value(t, name)
	}
	_, other := fact("tags app:v2", "other")
	name, good := fact("tags app:v1", "value")
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 1
		s.Do(t, "SET", name, bad)
		if value, at, ok := c.Recall(t.Context(), "tags app:v1"); ok {
			t.Errorf("byte %d flipped: %q as of %v", i, value, at)
		}
	}
	for what, bad := range map[string][]byte{
		"of another tag": other, "cut short": good[:len(good)-1], "longer": slices.Concat(good, []byte{0}), "MAC alone": good[:32],
		"no MAC": good[32:], "one byte": {0}, "huge": make([]byte, 5<<20),
	} {
		s.Do(t, "SET", name, bad)
		if value, at, ok := c.Recall(t.Context(), "tags app:v1"); ok {
			t.Errorf("%s: %q as of %v", what, value, at)
		}
	}
	s.Do(t, "DEL", name)
	s.Do(t, "LPUSH", name, good)
	if value, _, ok := c.Recall(t.Context(), "tags app:v1"); ok {
		t.Errorf("of another type: %q", value)
	}
	if corrupt := events.sum(redis.Facts, redis.Corrupt); corrupt != len(good)+8 {
		t.Errorf("%d events corrupt, want %d", corrupt, len(good)+8)
	}
	s.Do(t, "SET", name, good)
	if value, at, ok := c.Recall(t.Context(), "tags app:v1"); !ok || string(value) != "value" || !at.Equal(asOf) {
		t.Errorf("the good one: %q as of %v, %t", value, at, ok)
	}
}
