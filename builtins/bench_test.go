// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// benchImages is how many signed images there are, the most a benchmark asks
// about at once.
const benchImages = 50

// benchWorld is a registry with signed images and a policy that trusts them.
type benchWorld struct {
	registry *registrytest.Registry
	tags     []string
	digests  []string
	query    rego.PreparedEvalQuery
	clock    atomic.Int64 // nanoseconds beyond the start
	start    time.Time
}

func newBenchWorld(b *testing.B, o registrytest.Options) *benchWorld {
	b.Helper()
	w := &benchWorld{registry: registrytest.Start(b, o), start: time.Now()}
	ca := mustB(b)(signtest.NewCA(signtest.CAOptions{}))
	signer, err := ca.Leaf(signtest.LeafOptions{})
	check(b, err)
	for i := range benchImages {
		repo := fmt.Sprintf("app%d", i)
		image, err := w.registry.PushImage(b.Context(), repo, "v1")
		check(b, err)
		_, err = signer.SignAndAttach(b.Context(), w.registry, repo, image, signtest.SignOptions{})
		check(b, err)
		w.tags = append(w.tags, w.registry.Host()+"/"+repo+":v1")
		w.digests = append(w.digests, w.registry.Reference(repo, image.Digest))
	}
	w.query, err = rego.New(
		rego.Query("data.bench.verified"),
		rego.Store(inmem.NewFromObject(map[string]any{"trust": ca.TrustDocument()})),
		rego.Module("bench.rego", `package bench

verified := count([r | some r in ratify.verify_all([{"image": i, "trust": data.trust} | some i in input]); r.verified])`),
	).PrepareForEval(b.Context())
	check(b, err)
	return w
}

func mustB(b *testing.B) func(*signtest.CA, error) *signtest.CA {
	return func(ca *signtest.CA, err error) *signtest.CA {
		b.Helper()
		check(b, err)
		return ca
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// fresh puts a service without any memory in place.
func (w *benchWorld) fresh(b *testing.B) {
	b.Helper()
	s, err := service.New(config.Default(), service.Deps{Now: func() time.Time {
		return w.start.Add(time.Duration(w.clock.Load()))
	}})
	check(b, err)
	if old := service.Use(s); old != nil {
		check(b, old.Close())
	}
}

// ask verifies images in one query and insists on the answer.
func (w *benchWorld) ask(b *testing.B, images []string) {
	b.Helper()
	result, err := w.query.Eval(b.Context(), rego.EvalInput(images))
	check(b, err)
	if got := fmt.Sprint(result[0].Expressions[0].Value); got != fmt.Sprint(len(images)) {
		b.Fatalf("%s of %d verified", got, len(images))
	}
}

// BenchmarkVerify measures one query: cold (nothing known), warm (everything
// known), ttl (content known, tag and referrers asked again). requests/op is
// counted at the registry.
func BenchmarkVerify(b *testing.B) {
	for _, latency := range []time.Duration{0, 20 * time.Millisecond} {
		w := newBenchWorld(b, registrytest.Options{Latency: latency})
		for _, by := range []struct {
			name   string
			images []string
		}{{"digest", w.digests}, {"tag", w.tags}} {
			for _, keys := range []int{1, benchImages} {
				name := fmt.Sprintf("latency=%v/by=%s/keys=%d", latency, by.name, keys)
				images := by.images[:keys]
				b.Run(name+"/cold", func(b *testing.B) { w.measure(b, images, func() { w.fresh(b) }) })
				b.Run(name+"/ttl", func(b *testing.B) {
					w.fresh(b)
					w.ask(b, images)
					w.measure(b, images, func() { w.clock.Add(int64(time.Minute)) })
				})
				if latency == 0 {
					b.Run(name+"/warm", func(b *testing.B) {
						w.fresh(b)
						w.ask(b, images)
						w.measure(b, images, nil)
					})
				}
			}
		}
	}
}

// measure repeats the question; before is not measured.
func (w *benchWorld) measure(b *testing.B, images []string, before func()) {
	b.Helper()
	b.ReportAllocs()
	w.registry.ResetRequests()
	for b.Loop() {
		if before != nil {
			b.StopTimer()
			before()
			b.StartTimer()
		}
		w.ask(b, images)
	}
	b.ReportMetric(float64(len(w.registry.Requests()))/float64(b.N), "requests/op")
}
