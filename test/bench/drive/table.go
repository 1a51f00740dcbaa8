// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// line is one line of the table.
type line struct {
	scenario        string
	unit            string // of the figures: "ms" or perSecond
	ours, yardstick figures
	aim             aim
	remarks         []string
	failed          error // instead of figures
}

// aim is what the product should reach.
type aim struct {
	text string
	met  func(line) bool
}

// atMost is a bound of the product's time, as a multiple of the yardstick's.
func atMost(ratio float64) aim {
	return aim{fmt.Sprintf("≤ %g ×", ratio), func(l line) bool { return l.ratio() <= ratio }}
}

// perSecond is the unit of which more is better.
const perSecond = "/s"

// ratio is the product's time over the yardstick's, not a number without one.
func (l line) ratio() float64 {
	switch {
	case len(l.ours) == 0 || len(l.yardstick) == 0:
		return math.NaN()
	case l.unit == perSecond:
		return l.yardstick.over(l.ours)
	default:
		return l.ours.over(l.yardstick)
	}
}

// steady is memory that no longer grows: a fifth at most between the last two of some
// measurements, in bytes.
func steady(resident *[]int64) aim {
	return aim{"steady memory", func(line) bool {
		r := *resident
		return len(r) > 1 && r[len(r)-1] <= r[len(r)-2]*6/5
	}}
}

// mebibytes lists measurements.
func mebibytes(resident []int64) string {
	texts := make([]string, len(resident))
	for i, r := range resident {
		texts[i] = strconv.FormatInt(r>>20, 10)
	}
	return strings.Join(texts, ", ") + " MiB"
}

const heading = `| scenario | ours | yardstick | ratio | aim | requests, ours / yardstick | remarks |
| --- | --- | --- | --- | --- | --- | --- |
`

// write prints the table. What misses its aim is bold.
func write(w io.Writer, lines []line) error {
	if _, err := io.WriteString(w, heading); err != nil {
		return err
	}
	for _, l := range lines {
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(l.cells(), " | ")); err != nil {
			return err
		}
	}
	return nil
}

func (l line) cells() []string {
	if l.failed != nil {
		return []string{l.scenario, "**failed**", "", "", l.aim.text, "", strings.ReplaceAll(l.failed.Error(), "|", "/")}
	}
	return []string{
		l.scenario, show(l.ours, l.unit), show(l.yardstick, l.unit), showRatio(l.ratio()), l.judged(),
		showRequests(l.ours) + " / " + showRequests(l.yardstick), strings.Join(l.remarks, "; "),
	}
}

func (l line) judged() string {
	switch {
	case l.aim.met == nil:
		return l.aim.text
	case l.aim.met(l):
		return l.aim.text + " ✓"
	default:
		return "**" + l.aim.text + " ✗**"
	}
}

func show(f figures, unit string) string {
	if len(f) == 0 {
		return "–"
	}
	return number(f.value()) + " " + unit
}

func showRatio(ratio float64) string {
	if math.IsNaN(ratio) {
		return "–"
	}
	return fmt.Sprintf("%.2f", ratio)
}

func showRequests(f figures) string {
	if len(f) == 0 || math.IsNaN(f.requests()) {
		return "–"
	}
	return number(f.requests())
}

// number has about three digits.
func number(v float64) string {
	switch {
	case v == math.Trunc(v) || v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
