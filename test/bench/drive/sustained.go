// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	nameSustained   = "60 s over 200 images, 1 key, 8 connections, by tag, cloud, 5ms"
	sustainedImages = 200
	sustainedSpan   = time.Minute
)

// sustained is one long round with the default lifetimes: how much is answered, and
// whether memory grows.
func sustained() scenario {
	return scenario{lines: []string{nameSustained}, run: func(ctx context.Context, b *bench) ([]line, error) {
		w, err := b.world(cloud(5 * time.Millisecond))
		if err != nil {
			return nil, err
		}
		defer w.registry.Close()
		systems, stop, err := b.pair(ctx, settings{timeout: 5 * time.Second})
		if err != nil {
			return nil, err
		}
		defer stop()
		images, err := w.push(ctx, sustainedImages, known)
		if err != nil {
			return nil, err
		}
		l := line{scenario: nameSustained, unit: "/s", aim: aim{"steady memory", nil}}
		resident := func() { l.remarks = append(l.remarks, fmt.Sprintf("%d MiB", systems[0].resident()>>20)) }
		resident()
		first, err := w.sustain(ctx, systems[0], tags(images), b.span(sustainedSpan)/2)
		if err != nil {
			return nil, err
		}
		resident()
		second, err := w.sustain(ctx, systems[0], tags(images), b.span(sustainedSpan)/2)
		if err != nil {
			return nil, err
		}
		resident()
		other, err := w.sustain(ctx, systems[1], tags(images), b.span(sustainedSpan)/4)
		if err != nil {
			return nil, err
		}
		l.ours = figures{{(first.value + second.value) / 2, first.requests + second.requests}}
		l.yardstick = figures{{other.value, other.requests * 4}}
		l.remarks = []string{
			fmt.Sprintf("RSS at start, middle, end: %s, %s, %s", l.remarks[0], l.remarks[1], l.remarks[2]),
			"requests per image; the yardstick ran a quarter of the time, its requests are times 4",
		}
		return []line{l}, nil
	}}
}

// sustain asks about one image after the other, over all connections.
func (w *world) sustain(ctx context.Context, s *system, keys []string, span time.Duration) (figure, error) {
	w.registry.ResetRequests()
	bodies := make([][]byte, len(keys))
	for i, key := range keys {
		bodies[i] = question([]string{key})
	}
	var answers atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range connections {
		group.Go(func() error {
			for time.Since(began) < span {
				if err := s.same(ctx, bodies[int(answers.Add(1))%len(bodies)], 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return figure{float64(answers.Load()) / time.Since(began).Seconds(), float64(len(w.registry.Requests())) / float64(len(keys))}, err
}
