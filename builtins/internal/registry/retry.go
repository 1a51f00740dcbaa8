// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"math/rand/v2"
	"time"
)

// noRetry is the key of a context in which a passing failure is not worth a
// second attempt, because there is somebody else to ask.
type noRetry struct{}

func withoutRetry(ctx context.Context) context.Context {
	return context.WithValue(ctx, noRetry{}, true)
}

func retries(ctx context.Context, configured int) int {
	if !patient(ctx) {
		return 0
	}
	return configured
}

// patient reports whether to wait for a host that is known not to answer: not if
// there is somebody else to ask.
func patient(ctx context.Context) bool { return ctx.Value(noRetry{}) == nil }

// maxPause bounds a pause before a retry: whoever waits for an admission answer
// does not wait longer.
const maxPause = 5 * time.Second

// pause waits before the next attempt and reports whether there should be one:
// not if the context ends before the pause does, nor if the registry wants to be
// left alone for longer than anybody would wait.
func (c *Client) pause(ctx context.Context, attempt int, retryAfter time.Duration) bool {
	wait := c.o.Backoff << attempt
	wait = wait/2 + time.Duration(rand.Int64N(int64(wait)+1)) //nolint:gosec // jitter, not a secret
	wait = max(wait, retryAfter)
	deadline, limited := ctx.Deadline()
	if wait > maxPause || limited && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
