// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"encoding/json"
)

// recall returns what another replica was told, if it is within the TTL here and
// the source has refused nothing since.
//
// Replicas' clocks differ: an answer from the future is not taken, so that a clock
// that is ahead never makes an answer live longer than its TTL and the difference.
func recall[V any](ctx context.Context, s *Store, q question[V]) (t told[V], ok bool) {
	if s.options.Facts == nil || q.ttl <= 0 || !s.options.Allows(q.about) {
		return told[V]{}, false
	}
	raw, asOf, ok := s.options.Facts.Recall(ctx, q.shared())
	if !ok || json.Unmarshal(raw, &t.value) != nil {
		return told[V]{}, false
	}
	t.asOf = asOf
	now := s.options.Now()
	known, _ := q.cache.Get(q.key)
	return t, !asOf.After(now) && now.Before(asOf.Add(q.ttl)) && asOf.After(known.refused)
}

// share gives a good answer to other replicas.
func share[V any](s *Store, q question[V], t told[V]) {
	if s.options.Facts == nil || q.ttl <= 0 {
		return
	}
	if raw, err := json.Marshal(t.value); err == nil {
		s.options.Facts.Share(q.shared(), raw, t.asOf, q.ttl)
	}
}

// shared is the key of q among all that is shared.
func (q question[V]) shared() string { return q.name + " " + q.key }
