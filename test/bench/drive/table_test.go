// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	t.Parallel()
	lines := []line{
		{
			scenario: "met", unit: "ms", aim: atMost(1.2), remarks: []string{"a", "b"},
			ours: figures{{110, 4}, {90, 4}, {500, 5}}, yardstick: figures{{100, 3.5}, {100, 3.5}, {500, 3.5}},
		},
		{scenario: "missed", unit: perSecond, aim: atMost(1.2), ours: figures{{0.2, 0}}, yardstick: figures{{0.3, 0}}},
		{scenario: "alone", unit: "ms", aim: aim{"steady", nil}, ours: figures{{12.34, math.NaN()}}},
		{scenario: "broken", aim: atMost(2), failed: errors.New("a | b")},
	}
	var got strings.Builder
	if err := write(&got, lines); err != nil {
		t.Fatal(err)
	}
	want := heading + `| met | 110 ms | 100 ms | 1.00 | ≤ 1.2 × ✓ | 4 / 3.50 | a; b |
| missed | 0.20 /s | 0.30 /s | 1.50 | **≤ 1.2 × ✗** | 0 / 0 |  |
| alone | 12.3 ms | – | – | steady | – / – |  |
| broken | **failed** |  |  | ≤ 2 × |  | a / b |
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSteady(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		resident []int64
		want     bool
	}{
		{name: "never measured"},
		{name: "measured once", resident: []int64{50}},
		{name: "grew in the beginning", resident: []int64{10, 50, 60}, want: true},
		{name: "grows", resident: []int64{10, 50, 61}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := steady(&tt.resident).met(line{}); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		values []int
		p      float64
		want   int
	}{
		{name: "nothing", p: 50},
		{name: "one", values: []int{7}, p: 95, want: 7},
		{name: "median of three", values: []int{3, 1, 2}, p: 50, want: 2},
		{name: "median of four", values: []int{4, 3, 1, 2}, p: 50, want: 2},
		{name: "tail", values: []int{20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, p: 95, want: 19},
		{name: "all", values: []int{1, 2, 3}, p: 100, want: 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := percentile(tt.values, tt.p); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// Nobody is always first, and every figure is of the system that it is said to be of.
func TestCompareTakesTurns(t *testing.T) {
	t.Parallel()
	a, b := &system{name: "a"}, &system{name: "b"}
	var order []string
	all, err := (&bench{rounds: 3}).compare(t.Context(), []*system{a, b}, func(_ context.Context, round int, s *system) (figure, error) {
		order = append(order, s.name)
		if s == a {
			return figure{value: float64(round)}, nil
		}
		return figure{value: 10 + float64(round)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "b", "a", "a", "b"}, order); diff != "" {
		t.Error(diff)
	}
	if got := all[0].value() + all[1].value(); got != 12 {
		t.Errorf("medians 1 and 11 add up to %v", got)
	}
}

// The names of lines are what -run finds them by.
func TestLinesHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range scenarios() {
		for _, name := range s.lines {
			if seen[name] || name == "" {
				t.Errorf("line %q twice", name)
			}
			seen[name] = true
		}
	}
}
