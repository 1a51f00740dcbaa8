// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// connections over which cached answers are asked for.
const connections = 8

func throughput() []scenario {
	return []scenario{load(1, 0.5), load(crowd, 0.3)}
}

// load is answers per second about images that are known, beside the floors.
func load(keys int, floorShare float64) scenario {
	name := fmt.Sprintf("cached, %d keys a request, 8 connections", keys)
	if keys == 1 {
		name = "cached, 1 key, 8 connections"
	}
	return scenario{lines: []string{name}, run: func(ctx context.Context, b *bench) ([]line, error) {
		w, err := b.world(registrytest.Options{})
		if err != nil {
			return nil, err
		}
		defer w.registry.Close()
		images, err := w.push(ctx, keys, known)
		if err != nil {
			return nil, err
		}
		systems, stop, err := b.withFloors(ctx, digests(images))
		if err != nil {
			return nil, err
		}
		defer stop()
		all, err := b.compare(ctx, systems, func(ctx context.Context, _ int, s *system) (figure, error) {
			w.registry.ResetRequests()
			n, err := s.flood(ctx, digests(images), b.span(2*time.Second))
			return figure{n, float64(len(w.registry.Requests()))}, err
		})
		if err != nil {
			return nil, err
		}
		return []line{judgeLoad(name, all, floorShare)}, nil
	}}
}

func judgeLoad(name string, all []figures, want float64) line {
	ours, https, opa := all[0], all[2], all[3]
	ofFloor, ofOPA := ours.over(https), ours.over(opa)
	return line{
		scenario: name, unit: perSecond, ours: ours, yardstick: all[1],
		aim: aim{fmt.Sprintf("≥ %g of the floor, ≥ 1 of OPA's", want), func(line) bool { return ofFloor >= want && ofOPA >= 1 }},
		remarks: []string{
			fmt.Sprintf("%.2f of the HTTPS floor (%s/s)", ofFloor, number(https.value())),
			fmt.Sprintf("%.2f of OPA's floor (%s/s)", ofOPA, number(opa.value())),
		},
	}
}

// withFloors starts the product, the yardstick and two floors that answer what the
// product answers.
func (b *bench) withFloors(ctx context.Context, keys []string) (systems []*system, stop func(), err error) {
	stop = func() {
		for _, s := range systems {
			s.stop()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	if systems, _, err = b.pair(ctx, settings{ttl: time.Hour, timeout: 5 * time.Second}); err != nil {
		return nil, stop, err
	}
	if _, err = systems[0].admitted(ctx, keys...); err != nil {
		return systems, stop, err
	}
	answer, err := systems[0].ask(ctx, keys...)
	if err != nil {
		return systems, stop, err
	}
	for _, start := range []func(context.Context, []byte) (*system, error){b.httpsFloor, b.opaFloor} {
		s, err := start(ctx, answer.raw)
		if err != nil {
			return systems, stop, err
		}
		systems = append(systems, s)
	}
	for _, s := range systems {
		if _, err = s.admitted(ctx, keys...); err != nil {
			return systems, stop, err
		}
	}
	return systems, stop, nil
}

// flood asks the same for a while over all connections: answers per second.
func (s *system) flood(ctx context.Context, keys []string, span time.Duration) (float64, error) {
	body := question(keys)
	var answers atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range connections {
		group.Go(func() error {
			for time.Since(began) < span {
				if err := s.same(ctx, body, len(keys)); err != nil {
					return err
				}
				answers.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(answers.Load()) / time.Since(began).Seconds(), err
}

// same asks, and only counts successes, of which a report may hold several: decoding the
// answer would cost the client more than writing it cost the server.
func (s *system) same(ctx context.Context, body []byte, keys int) error {
	raw, err := s.post(ctx, body)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if n := bytes.Count(raw, []byte(`"isSuccess":true`)); n < keys || bytes.Contains(raw, []byte(`"isSuccess":false`)) {
		return fmt.Errorf("%s: not all of %d keys admitted: %.500s", s.name, keys, raw)
	}
	return nil
}
