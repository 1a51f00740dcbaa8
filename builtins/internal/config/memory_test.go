// SPDX-License-Identifier: Apache-2.0

package config

import (
	"math"
	"testing"
)

func TestCachesFitTheMemoryLimit(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int64][3]Bytes{
		math.MaxInt64: {64 << 20, 32 << 20, 32 << 20}, // no limit
		256 << 20:     {32 << 20, 16 << 20, 16 << 20},
		64 << 20:      {8 << 20, 4 << 20, 4 << 20},
	} {
		c := standard()
		c.fit(limit)
		if got := [3]Bytes{c.Cache.ContentBytes, c.Cache.ReportBytes, c.Revocation.CacheBytes}; got != want {
			t.Errorf("limit %d: %v, want %v", limit, got, want)
		}
	}
}
