// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
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
		resident := []int64{systems[0].resident()}
		l := line{scenario: nameSustained, unit: perSecond, aim: steady(&resident)}
		for range 2 {
			half, err := w.sustain(ctx, systems[0], tags(images), b.span(sustainedSpan)/2)
			if err != nil {
				return nil, err
			}
			l.ours = append(l.ours, half)
			resident = append(resident, systems[0].resident())
		}
		other, err := w.sustain(ctx, systems[1], tags(images), b.span(sustainedSpan)/2)
		if err != nil {
			return nil, err
		}
		l.yardstick = figures{other, other}
		l.remarks = []string{"RSS at start, middle, end: " + mebibytes(resident), "requests per image in half the time"}
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
