// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// BenchmarkChain measures referrers, manifest and blob, one after the other, at 20
// ms per request while every fifth request fails: p50-ms and p95-ms of the chain,
// and failed-% of chains that did not succeed. Below them is what backing off
// longer and asking less often would cost.
func BenchmarkChain(b *testing.B) {
	for _, share := range []float64{0, 0.2} {
		for _, backoff := range []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 100 * time.Millisecond} {
			if share == 0 && backoff != 20*time.Millisecond {
				continue
			}
			b.Run(fmt.Sprintf("failing=%v/backoff=%v", share, backoff), func(b *testing.B) {
				w := newWorld(b, registrytest.Options{Latency: 20 * time.Millisecond})
				if share > 0 {
					w.Inject(registrytest.Fault{Probability: share / 2, Seed: 1, Action: registrytest.Status(http.StatusServiceUnavailable, nil)})
					w.Inject(registrytest.Fault{Probability: share / 2, Seed: 2, Action: registrytest.Status(http.StatusTooManyRequests, nil)})
				}
				c := client(b, registry.Options{Backoff: backoff})
				var took []time.Duration
				failed := 0
				for b.Loop() {
					began := time.Now()
					if _, err := evidence(b.Context(), c, w.byDigest()); err != nil {
						failed++
					}
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
				b.ReportMetric(ms(took[len(took)*95/100]), "p95-ms")
				b.ReportMetric(100*float64(failed)/float64(len(took)), "failed-%")
			})
		}
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkReferrers measures what one request costs without a network to wait for.
func BenchmarkReferrers(b *testing.B) {
	for _, o := range []registrytest.Options{{}, {ETags: true}} {
		b.Run(fmt.Sprintf("ETags=%v", o.ETags), func(b *testing.B) {
			w := newWorld(b, o)
			c := client(b, registry.Options{})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Referrers(b.Context(), w.byDigest(), signatureType); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
