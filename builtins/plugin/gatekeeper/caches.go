// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/cache"
)

// Caches holds the caches between queries of OPA's server, which hands them over
// when it starts. The zero value holds none. It may be shared.
type Caches struct {
	query atomic.Pointer[cache.InterQueryCache]
	value atomic.Pointer[cache.InterQueryValueCache]
}

// SetQuery takes the cache of http.send and its kin.
func (c *Caches) SetQuery(q cache.InterQueryCache) { c.query.Store(&q) }

// SetValue takes the cache of compiled values.
func (c *Caches) SetValue(v cache.InterQueryValueCache) { c.value.Store(&v) }

// with names the caches to an evaluation.
func (c *Caches) with(q *topdown.Query) *topdown.Query {
	if query := c.query.Load(); query != nil {
		q = q.WithInterQueryBuiltinCache(*query)
	}
	if value := c.value.Load(); value != nil {
		q = q.WithInterQueryBuiltinValueCache(*value)
	}
	return q
}
