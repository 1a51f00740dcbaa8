// SPDX-License-Identifier: Apache-2.0

package yardstick

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	retries = 2
	pause   = 100 * time.Millisecond // before the first retry; twice that before the second
)

// ask sends a request until it is answered, three times at most.
func (r *registry) ask(ctx context.Context, method string, ref reference, u *url.URL) (*answer, error) {
	for try := 0; ; try++ {
		a, err := r.authorized(ctx, method, ref, u)
		if err == nil && !transient(a.status) {
			return a, nil
		}
		if try == retries {
			if err == nil {
				err = a.unexpected()
			}
			return nil, err
		}
		if err := wait(ctx, delay(a, try)); err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, u.Path, err)
		}
	}
}

func transient(status int) bool {
	return slices.Contains([]int{http.StatusTooManyRequests, 500, 502, 503, 504}, status)
}

// delay is what the registry asks for, or doubles from try to try, half of it by chance.
func delay(a *answer, try int) time.Duration {
	if a != nil {
		if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && seconds >= 0 {
			return time.Duration(seconds) * time.Second
		}
	}
	d := pause << try
	return d/2 + rand.N(d/2)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
