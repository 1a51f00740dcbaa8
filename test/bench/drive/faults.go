// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// faultTimeout bounds a request where something hangs; Gatekeeper's webhook would wait
// three seconds.
const faultTimeout = time.Second

const (
	nameFaultsMedian = "429 or 503 for 20 % of requests, new image, by digest, anonymous, 20ms"
	nameFaultsTail   = "the same, 95th percentile"
	nameHung         = "one hung image among ten in a request, anonymous, 5ms"
	nameRecoverSame  = "the same image after a hung registry, anonymous, 5ms"
	nameRecoverOther = "another image after a hung registry, anonymous, 5ms"
)

func faults() []scenario {
	return []scenario{
		{lines: []string{nameFaultsMedian, nameFaultsTail}, run: flaky},
		{lines: []string{nameHung}, run: troubled(nameHung, 5*time.Millisecond, oneHung, atMost(1.2), "ten keys, nine answered and the tenth named; a request may take 1 s")},
		{lines: []string{nameRecoverSame}, run: troubled(nameRecoverSame, 5*time.Millisecond, recovery(true), atMost(2), "from the registry's recovery to the first answer that admits")},
		{lines: []string{nameRecoverOther}, run: troubled(nameRecoverOther, 5*time.Millisecond, recovery(false), atMost(2), "likewise")},
	}
}

// troubled measures what turn does, at a registry that is up in the beginning.
func troubled(name string, latency time.Duration, turn func(context.Context, *world, *system) (figure, error), a aim, remarks ...string) func(context.Context, *bench) ([]line, error) {
	return func(ctx context.Context, b *bench) ([]line, error) {
		w, err := b.world(registrytest.Options{Latency: latency})
		if err != nil {
			return nil, err
		}
		defer w.registry.Close()
		systems, stop, err := b.pair(ctx, settings{ttl: time.Hour, timeout: faultTimeout})
		if err != nil {
			return nil, err
		}
		defer stop()
		if err := w.greet(ctx, systems...); err != nil {
			return nil, err
		}
		all, err := w.compare(ctx, systems, func(ctx context.Context, _ int, s *system) (figure, error) {
			w.registry.ResetRequests()
			return turn(ctx, w, s)
		})
		if err != nil {
			return nil, err
		}
		return []line{{scenario: name, unit: "ms", ours: all[0], yardstick: all[1], aim: a, remarks: remarks}}, nil
	}
}

// oneHung asks about ten new images, of which one is never answered.
func oneHung(ctx context.Context, w *world, s *system) (figure, error) {
	images, err := w.push(ctx, 9, known)
	if err != nil {
		return figure{}, err
	}
	hung, err := w.push(ctx, 1, "hung-%d")
	if err != nil {
		return figure{}, err
	}
	repo := strings.TrimPrefix(hung[0].tag[:strings.LastIndex(hung[0].tag, ":")], w.registry.Host()+"/")
	defer w.registry.Inject(registrytest.Fault{Repo: repo, Action: registrytest.Hang()})()
	a, err := s.ask(ctx, digests(append(images[:4:4], append(hung, images[4:]...)...))...)
	if err != nil {
		return figure{}, err
	}
	good, err := a.good()
	if err == nil && (good != 9 || !strings.Contains(a.SystemError, hung[0].digest)) {
		err = fmt.Errorf("%d of 9 answered: %s", good, a.SystemError)
	}
	if err != nil {
		return figure{}, fmt.Errorf("%s: %w", s.name, err)
	}
	return figure{milliseconds(a.took), float64(len(w.registry.Requests()))}, nil
}

// recovery is the time from when a registry no longer hangs until an image is admitted:
// the one that could not be decided, or another.
func recovery(same bool) func(context.Context, *world, *system) (figure, error) {
	return func(ctx context.Context, w *world, s *system) (figure, error) {
		images, err := w.push(ctx, 2, known)
		if err != nil {
			return figure{}, err
		}
		remove := w.registry.Inject(registrytest.Fault{Action: registrytest.Hang()})
		a, err := s.ask(ctx, images[0].digest)
		remove()
		if err != nil {
			return figure{}, err
		}
		if a.SystemError == "" {
			return figure{}, fmt.Errorf("%s: a registry that hangs, and yet an answer: %s", s.name, a.raw)
		}
		w.registry.ResetRequests()
		key := images[1].digest
		if same {
			key = images[0].digest
		}
		began := time.Now()
		err = s.insist(ctx, key)
		return figure{milliseconds(time.Since(began)), float64(len(w.registry.Requests()))}, err
	}
}

// insist asks until the image is admitted.
func (s *system) insist(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		a, err := s.ask(ctx, key)
		if err != nil {
			return err
		}
		if good, err := a.good(); good == 1 || err != nil {
			return err
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return fmt.Errorf("%s: %w: %s", s.name, err, a.SystemError)
		}
	}
}
