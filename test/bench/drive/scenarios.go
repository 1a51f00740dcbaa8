// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"
)

// scenario gives one line or several that need the same registry.
type scenario struct {
	lines []string // their names
	run   func(ctx context.Context, b *bench) ([]line, error)
}

// scenarios are all there are, in the order of the table.
func scenarios() []scenario {
	return slices.Concat(matrix(), many(), faults(), throughput(), []scenario{sustained(), fleet(), oneShot()})
}

// measure runs the scenarios that are asked for and prints the table. A scenario that
// fails has a line that says so, and the error in the end.
func (b *bench) measure(ctx context.Context, out io.Writer) error {
	began := time.Now()
	var lines []line
	var failed error
	for _, s := range scenarios() {
		if !slices.ContainsFunc(s.lines, b.match.MatchString) {
			continue
		}
		fmt.Fprintf(b.progress, "%5.0fs %s\n", time.Since(began).Seconds(), s.lines[0])
		found, err := s.run(ctx, b)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			found = []line{{scenario: s.lines[0], failed: err}}
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.lines[0], err))
		}
		for _, l := range found {
			if b.match.MatchString(l.scenario) {
				lines = append(lines, l)
			}
		}
	}
	fmt.Fprintf(out, "%d rounds in %.0f s, %d processors, %s\n\n", b.rounds, time.Since(began).Seconds(), runtime.NumCPU(), runtime.Version())
	return errors.Join(write(out, lines), failed)
}

// samples are fewer when it must be quick.
func (b *bench) samples(n int) int {
	if b.short {
		return max(n/3, 2)
	}
	return n
}

func (b *bench) span(d time.Duration) time.Duration {
	if b.short {
		return d / 6
	}
	return d
}
