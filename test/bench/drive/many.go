// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

const (
	crowd      = 50 // requests, or keys of a request
	signatures = 20
	cloudDelay = 20 * time.Millisecond
)

// many is much at once, at a registry like those of clouds.
func many() []scenario {
	return []scenario{
		manyOf("50 requests at once for one new image, by tag, cloud, 20ms", 1, known, burst),
		manyOf("50 new images in one request, by tag, cloud, 20ms", crowd, known, together),
		manyOf("50 new images of 50 new repositories in one request, by tag, cloud, 20ms", crowd, "team-%d/app", together),
		signed("new image with 20 signatures, all trusted, by digest, cloud, 20ms", func(w *world) []*signtest.Signer {
			return slices.Repeat([]*signtest.Signer{w.signer}, signatures)
		}),
		signed("new image with 20 signatures, only the last trusted, by digest, cloud, 20ms", func(w *world) []*signtest.Signer {
			return append(slices.Repeat([]*signtest.Signer{w.stranger}, signatures-1), w.signer)
		}),
	}
}

// manyOf asks once per sample about n new images.
func manyOf(name string, n int, repo string, ask func(context.Context, *system, []string) (time.Duration, error)) scenario {
	return each(name, func(ctx context.Context, w *world) ([]string, error) {
		images, err := w.push(ctx, n, repo)
		return tags(images), err
	}, ask)
}

// burst asks for the first key many times at once: the time until all are answered.
func burst(ctx context.Context, s *system, keys []string) (time.Duration, error) {
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for range crowd {
		group.Go(func() error {
			_, err := s.admitted(ctx, keys[0])
			return err
		})
	}
	err := group.Wait()
	return time.Since(began), err
}

// together asks for all keys in one request.
func together(ctx context.Context, s *system, keys []string) (time.Duration, error) {
	return s.admitted(ctx, keys...)
}

// each measures one question at a time, every one about images of its own.
func each(name string, supply func(context.Context, *world) ([]string, error), ask func(context.Context, *system, []string) (time.Duration, error)) scenario {
	return scenario{lines: []string{name}, run: func(ctx context.Context, b *bench) ([]line, error) {
		w, err := b.world(cloud(cloudDelay))
		if err != nil {
			return nil, err
		}
		defer w.registry.Close()
		systems, stop, err := b.pair(ctx, settings{ttl: time.Hour, timeout: 5 * time.Second})
		if err != nil {
			return nil, err
		}
		defer stop()
		if err := w.meet(ctx, systems); err != nil {
			return nil, err
		}
		all, err := w.sampled(ctx, systems, supply, ask)
		if err != nil {
			return nil, err
		}
		return []line{{scenario: name, unit: "ms", ours: all[0], yardstick: all[1], aim: atMost(1.2)}}, nil
	}}
}

// meet is greet, and opens as many connections as a crowd needs.
func (w *world) meet(ctx context.Context, systems []*system) error {
	if err := w.greet(ctx, systems...); err != nil {
		return err
	}
	images, err := w.push(ctx, 1, known)
	if err != nil {
		return err
	}
	for _, s := range systems {
		if _, err := burst(ctx, s, tags(images)); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) sampled(ctx context.Context, systems []*system, supply func(context.Context, *world) ([]string, error), ask func(context.Context, *system, []string) (time.Duration, error)) ([]figures, error) {
	samples := w.samples(4)
	questions := make([][]string, samples*w.rounds)
	for i := range questions {
		var err error
		if questions[i], err = supply(ctx, w); err != nil {
			return nil, err
		}
	}
	return w.compare(ctx, systems, func(ctx context.Context, round int, s *system) (figure, error) {
		if _, err := w.requests(ctx); err != nil {
			return figure{}, err
		}
		var took []float64
		for _, keys := range questions[round*samples : (round+1)*samples] {
			d, err := ask(ctx, s, keys)
			if err != nil {
				return figure{}, err
			}
			took = append(took, milliseconds(d))
		}
		requests, err := w.requests(ctx)
		return figure{median(took), requests / float64(samples)}, err
	})
}
