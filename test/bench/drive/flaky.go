// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// flaky gives two lines: the median and the tail.
func flaky(ctx context.Context, b *bench) ([]line, error) {
	var mu sync.Mutex
	open, tails := map[string]int{}, map[string]figures{}
	turn := func(ctx context.Context, w *world, s *system) (figure, error) {
		images, err := w.push(ctx, w.samples(100), known)
		if err != nil {
			return figure{}, err
		}
		for i, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			defer w.registry.Inject(registrytest.Fault{Probability: 0.106, Seed: uint64(i), Action: registrytest.Status(status, nil)})() // together 20 %
		}
		took, undecided, err := s.some(ctx, digests(images))
		if err != nil {
			return figure{}, err
		}
		mu.Lock()
		defer mu.Unlock()
		open[s.name] += undecided
		tails[s.name] = append(tails[s.name], figure{percentile(took, 95), math.NaN()})
		return figure{median(took), float64(len(w.registry.Requests())) / float64(len(images))}, nil
	}
	lines, err := troubled(nameFaultsMedian, 20*time.Millisecond, turn, atMost(1.2))(ctx, b)
	if err != nil {
		return nil, err
	}
	all := b.rounds * b.samples(100)
	lines[0].remarks = []string{fmt.Sprintf("four at a time; undecided: ours %d of %d, yardstick %d", open["ours"], all, open[roleYardstick])}
	tail := line{scenario: nameFaultsTail, unit: "ms", ours: tails["ours"], yardstick: tails[roleYardstick], aim: atMost(1.2)}
	return append(lines, tail), nil
}

// some asks about images, four at a time, and counts those that could not be decided.
// A rejected one is an error.
func (s *system) some(ctx context.Context, keys []string) (took []float64, undecided int, err error) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for _, key := range keys {
		group.Go(func() error {
			a, err := s.ask(ctx, key)
			if err != nil {
				return err
			}
			good, err := a.good()
			mu.Lock()
			defer mu.Unlock()
			took = append(took, milliseconds(a.took))
			undecided += 1 - good
			return err
		})
	}
	err = group.Wait()
	return took, undecided, err
}
