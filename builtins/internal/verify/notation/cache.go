// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"container/list"
	"sync"
	"time"
)

// cache keeps the most recently used values up to a total cost. It may be shared
// between goroutines.
type cache[K comparable, V any] struct {
	mu    sync.Mutex
	limit int64
	cost  int64
	order *list.List // of *cached[K, V], most recently used first
	byKey map[K]*list.Element
}

type cached[K comparable, V any] struct {
	key   K
	value V
	cost  int64
	until time.Time // zero: no end
}

func newCache[K comparable, V any](limit int64) *cache[K, V] {
	return &cache[K, V]{limit: limit, order: list.New(), byKey: map[K]*list.Element{}}
}

// get returns the value of key if it is there and still good at now.
func (c *cache[K, V]) get(key K, now time.Time) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var none V
	element, found := c.byKey[key]
	if !found {
		return none, false
	}
	entry := element.Value.(*cached[K, V])
	if !entry.until.IsZero() && !now.Before(entry.until) {
		c.remove(element)
		return none, false
	}
	c.order.MoveToFront(element)
	return entry.value, true
}

// put keeps value until the given time. What costs more than the whole cache is
// not kept.
func (c *cache[K, V]) put(key K, value V, cost int64, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, found := c.byKey[key]; found {
		c.remove(element)
	}
	if cost > c.limit {
		return
	}
	c.byKey[key] = c.order.PushFront(&cached[K, V]{key: key, value: value, cost: cost, until: until})
	c.cost += cost
	for c.cost > c.limit {
		c.remove(c.order.Back())
	}
}

func (c *cache[K, V]) remove(element *list.Element) {
	entry := c.order.Remove(element).(*cached[K, V])
	delete(c.byKey, entry.key)
	c.cost -= entry.cost
}
