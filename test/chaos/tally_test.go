// SPDX-License-Identifier: Apache-2.0

package chaos_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// tally counts answers and keeps the first objections.
type tally struct {
	mu         sync.Mutex
	verdicts   map[string]int
	objections []string
	objected   int
}

func newTally() *tally { return &tally{verdicts: map[string]int{}} }

func (c *tally) add(a answer, objection string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verdicts[a.verdict]++
	if objection == "" {
		return
	}
	if c.objected++; len(c.objections) < 10 {
		c.objections = append(c.objections, objection)
	}
}

// String returns "120 verified, 30 rejected, …".
func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, verdict := range slices.Sorted(maps.Keys(c.verdicts)) {
		parts = append(parts, fmt.Sprintf("%d %s", c.verdicts[verdict], verdict))
	}
	return strings.Join(parts, ", ")
}

// await calls enough when some time has passed and the tally is complete, or never
// will be.
func (c *tally) await(ctx context.Context, least time.Duration, enough func()) {
	pause(ctx, least)
	ctx, cancel := context.WithTimeout(ctx, recovery)
	defer cancel()
	for ctx.Err() == nil && !c.complete() {
		pause(ctx, 20*time.Millisecond)
	}
	enough()
}

// complete says whether some were answered and some were not.
func (c *tally) complete() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verdicts[verified] > 0 && c.verdicts[inconclusive]+c.verdicts[undecided] > 0
}

// insist fails the test if there was an objection, or nothing to object to: a
// storm in which nobody was answered proves nothing.
func (c *tally) insist(t *testing.T) {
	t.Helper()
	for _, objection := range c.objections {
		t.Error(objection)
	}
	if more := c.objected - len(c.objections); more > 0 {
		t.Errorf("and %d more", more)
	}
	if !c.complete() {
		t.Errorf("not some verified and some not: %v", c)
	}
}
