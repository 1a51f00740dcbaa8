// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// figure is what one system did in one round.
type figure struct {
	value    float64 // milliseconds, or answers per second
	requests float64 // at the registry, per question; not a number if another line has them
}

// figures are those of one system, by round.
type figures []figure

// compare lets every system have its turn in every round. The order changes from round
// to round, so that nobody is always first.
func (b *bench) compare(ctx context.Context, systems []*system, turn func(ctx context.Context, round int, s *system) (figure, error)) ([]figures, error) {
	all := make([]figures, len(systems))
	for round := range b.rounds {
		for i := range systems {
			i = (i + round) % len(systems)
			f, err := turn(ctx, round, systems[i])
			if err != nil {
				return nil, fmt.Errorf("round %d: %w", round+1, err)
			}
			all[i] = append(all[i], f)
		}
	}
	return all, nil
}

// value is the median of the rounds.
func (f figures) value() float64 {
	return median(f.each(func(one figure) float64 { return one.value }))
}

// requests is the median of the rounds.
func (f figures) requests() float64 {
	return median(f.each(func(one figure) float64 { return one.requests }))
}

func (f figures) each(of func(figure) float64) []float64 {
	values := make([]float64, len(f))
	for i, one := range f {
		values[i] = of(one)
	}
	return values
}

// over is the median of the rounds' ratios.
func (f figures) over(other figures) float64 {
	ratios := make([]float64, min(len(f), len(other)))
	for i := range ratios {
		ratios[i] = f[i].value / other[i].value
	}
	return median(ratios)
}

func median[T cmp.Ordered](values []T) T { return percentile(values, 50) }

// percentile is the smallest value that p per cent do not exceed; that of nothing is
// zero.
func percentile[T cmp.Ordered](values []T, p float64) (none T) {
	if len(values) == 0 {
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(float64(len(sorted))*p/100))-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
