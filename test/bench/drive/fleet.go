// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"time"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

const (
	nameFleet   = "10 000 new images, 50 a request, by digest, anonymous, 0s"
	fleetImages = 10_000
)

// fleet asks about more images than the caches hold, each once, with the default
// limits: memory must come to an end. The first image is then asked about again.
func fleet() scenario {
	return scenario{lines: []string{nameFleet}, run: func(ctx context.Context, b *bench) ([]line, error) {
		w, err := b.world(registrytest.Options{})
		if err != nil {
			return nil, err
		}
		defer w.registry.Close()
		systems, stop, err := b.pair(ctx, settings{timeout: 5 * time.Second})
		if err != nil {
			return nil, err
		}
		defer stop()
		n := fleetImages
		if b.short {
			n /= 10
		}
		images, err := w.push(ctx, n, "ship-%d")
		if err != nil {
			return nil, err
		}
		var resident []int64
		l := line{scenario: nameFleet, unit: perSecond, aim: steady(&resident)}
		into := []*figures{&l.ours, &l.yardstick}
		for quarter := range slices.Chunk(digests(images), n/4) {
			for i, s := range systems {
				f, err := w.march(ctx, s, quarter)
				if err != nil {
					return nil, err
				}
				*into[i] = append(*into[i], f)
			}
			resident = append(resident, systems[0].resident())
		}
		if _, err := systems[0].admitted(ctx, images[0].digest); err != nil {
			return nil, err
		}
		l.remarks = []string{"RSS after each quarter: " + mebibytes(resident), "then the first again: admitted"}
		return []line{l}, nil
	}}
}

// march asks about all keys once, in requests of a crowd: keys per second.
func (w *world) march(ctx context.Context, s *system, keys []string) (figure, error) {
	w.registry.ResetRequests()
	began := time.Now()
	for crowded := range slices.Chunk(keys, crowd) {
		if _, err := s.admitted(ctx, crowded...); err != nil {
			return figure{}, err
		}
	}
	took := time.Since(began)
	n := float64(len(keys))
	return figure{n / took.Seconds(), float64(len(w.registry.Requests())) / n}, nil
}
