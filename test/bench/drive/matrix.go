// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// cell is one line about one image: what is known about it, and how it is called.
type cell struct {
	state string
	byTag bool
}

// The states of a system's memory.
const (
	stateNew     = "new image"                 // the registry and the repository are known
	stateNewRepo = "new image, new repository" // the registry is known; a token may be needed
	stateCached  = "cached"
	stateTTL     = "after the TTL"
)

// matrixTTL leaves time for a block of cached samples, and is soon over.
const matrixTTL = time.Second

// plan is one registry of the matrix.
type plan struct {
	registry string
	options  registrytest.Options
	cells    []cell
}

// matrix is cold, warm and after the TTL, by tag and by digest, at every registry and
// every latency.
func matrix() []scenario {
	var all []scenario
	for _, latency := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond} {
		for _, p := range []plan{
			{"anonymous", registrytest.Options{Latency: latency}, cells(stateNew, stateCached, stateTTL)},
			{"cloud", cloud(latency), cells(stateNew, stateNewRepo, stateCached, stateTTL)},
			{"no referrers API", registrytest.Options{Latency: latency, NoReferrersAPI: true}, cells(stateNew, stateCached, stateTTL)},
		} {
			s := scenario{run: p.run}
			for _, c := range p.cells {
				s.lines = append(s.lines, p.name(c))
			}
			all = append(all, s)
		}
	}
	return all
}

func cells(states ...string) (all []cell) {
	for _, state := range states {
		all = append(all, cell{state: state}, cell{state: state, byTag: true})
	}
	return all
}

func (p plan) name(c cell) string {
	by := "digest"
	if c.byTag {
		by = "tag"
	}
	return fmt.Sprintf("%s, by %s, %s, %v", c.state, by, p.registry, p.options.Latency)
}

// aim is that of the issue: what is known by digest is answered without the registry.
func (p plan) aim(c cell) aim {
	switch {
	case c.state == stateCached:
		return aim{"no request", func(l line) bool { return l.ours.requests() == 0 }}
	case c.state == stateTTL && !c.byTag && p.options.Latency > 0:
		return aim{"no wait", func(l line) bool { return l.ours.value() < milliseconds(p.options.Latency)/2 }}
	default:
		return atMost(1.2)
	}
}

func (p plan) run(ctx context.Context, b *bench) ([]line, error) {
	w, err := b.world(p.options)
	if err != nil {
		return nil, err
	}
	defer w.registry.Close()
	systems, stop, err := b.pair(ctx, settings{ttl: matrixTTL, timeout: 5 * time.Second})
	if err != nil {
		return nil, err
	}
	defer stop()
	if err := w.greet(ctx, systems...); err != nil {
		return nil, err
	}
	var lines []line
	for _, c := range p.cells {
		if !b.match.MatchString(p.name(c)) {
			continue
		}
		all, err := w.cell(ctx, c, systems)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.state, err)
		}
		lines = append(lines, line{scenario: p.name(c), unit: "ms", ours: all[0], yardstick: all[1], aim: p.aim(c)})
	}
	return lines, nil
}

// cell measures one line. Both systems see the same images, each for its first time.
func (w *world) cell(ctx context.Context, c cell, systems []*system) ([]figures, error) {
	images, err := w.supply(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.state == stateTTL {
		if err := expire(ctx, systems, slices.Concat(images...)); err != nil {
			return nil, err
		}
	}
	return w.compare(ctx, systems, func(ctx context.Context, round int, s *system) (figure, error) {
		keys := images[round]
		if c.state == stateCached {
			if _, err := s.admitted(ctx, keys...); err != nil {
				return figure{}, err
			}
			keys = slices.Repeat(keys, 10)
		}
		return w.block(ctx, s, keys)
	})
}

// supply pushes the images of every round.
func (w *world) supply(ctx context.Context, c cell) ([][]string, error) {
	repo := known
	if c.state == stateNewRepo {
		repo = "team-%d/app"
	}
	var rounds [][]string
	for range w.rounds {
		images, err := w.push(ctx, w.samples(6), repo)
		if err != nil {
			return nil, err
		}
		keys := digests(images)
		if c.byTag {
			keys = tags(images)
		}
		rounds = append(rounds, keys)
	}
	return rounds, nil
}

// expire lets systems know images, and waits until they must ask again.
func expire(ctx context.Context, systems []*system, keys []string) error {
	for _, s := range systems {
		if _, err := s.admitted(ctx, keys...); err != nil {
			return err
		}
	}
	return pause(ctx, matrixTTL+100*time.Millisecond)
}

// block asks about one image after the other: the median time and the mean number of
// requests.
func (w *world) block(ctx context.Context, s *system, keys []string) (figure, error) {
	if _, err := w.requests(ctx); err != nil {
		return figure{}, err
	}
	took := make([]float64, len(keys))
	for i, key := range keys {
		d, err := s.admitted(ctx, key)
		if err != nil {
			return figure{}, err
		}
		took[i] = milliseconds(d)
	}
	requests, err := w.requests(ctx)
	return figure{median(took), requests / float64(len(keys))}, err
}
