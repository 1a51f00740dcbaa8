// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Cache is a map bounded by a total cost, whose entries expire. The zero value
// is not usable; see [NewCache]. It may be shared between goroutines.
type Cache[V any] struct {
	mu      sync.Mutex
	entries *simplelru.LRU[string, entry[V]]
	cost    int64
	maxCost int64
	now     func() time.Time
	resized func(delta int64) // nil: nobody is told
}

type entry[V any] struct {
	value   V
	cost    int64
	expires time.Time // zero: never
}

// NewCache returns a cache that holds at most maxEntries entries whose costs
// (bytes, usually) add up to at most maxCost. A cache with maxEntries or
// maxCost below 1 keeps nothing.
func NewCache[V any](maxEntries int, maxCost int64, now func() time.Time) *Cache[V] {
	c := &Cache[V]{maxCost: maxCost, now: now}
	if maxEntries < 1 || maxCost < 1 {
		return c
	}
	// The only error of NewLRU is a size below 1.
	c.entries, _ = simplelru.NewLRU(maxEntries, func(_ string, e entry[V]) { c.add(-e.cost) })
	return c
}

func (c *Cache[V]) add(delta int64) {
	c.cost += delta
	if c.resized != nil {
		c.resized(delta)
	}
}

// Get returns the value kept under key, unless it has expired.
func (c *Cache[V]) Get(key string) (V, bool) {
	var none V
	if c.entries == nil {
		return none, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries.Get(key)
	if !ok {
		return none, false
	}
	if !e.expires.IsZero() && !c.now().Before(e.expires) {
		c.entries.Remove(key)
		return none, false
	}
	return e.value, true
}

// Put keeps value under key until expires (the zero time: until room is
// needed), in place of what was there. A value dearer than the whole cache is not
// kept.
func (c *Cache[V]) Put(key string, value V, cost int64, expires time.Time) {
	if c.entries == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Remove(key) // its cost goes with it
	if cost > c.maxCost || !expires.IsZero() && !c.now().Before(expires) {
		return
	}
	c.add(cost)
	c.entries.Add(key, entry[V]{value, cost, expires})
	for c.cost > c.maxCost {
		c.entries.RemoveOldest()
	}
}

// Clear forgets everything.
func (c *Cache[V]) Clear() {
	if c.entries == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Purge()
}

// Cost returns the sum of the costs of what is kept.
func (c *Cache[V]) Cost() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cost
}
