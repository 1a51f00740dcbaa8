// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// Whatever passing fault a registry has, an answer is right or says that it can be
// asked again, and all is well once the faults are gone.
func TestPassingFaultsNeverBecomeAVerdict(t *testing.T) {
	t.Parallel()
	for _, o := range []registrytest.Options{
		{RedirectBlobs: true, ETags: true, Token: &registrytest.Token{}},
		{TLS: true, RedirectBlobs: true, ETags: true, Token: &registrytest.Token{SeparateHost: true}},
	} {
		t.Run(fmt.Sprintf("TLS=%v", o.TLS), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, o)
			settings := registry.Options{HeaderTimeout: 2 * time.Second, StallTimeout: time.Second} // a loaded machine answers in time, too
			if o.TLS {
				settings.Registries = []registry.Registry{{Match: w.Host(), CA: w.CA()}}
			}
			c := client(t, settings)
			var removes []func()
			for i, action := range []registrytest.Action{
				registrytest.Status(503, nil), registrytest.Status(429, http.Header{"Retry-After": {"0"}}),
				registrytest.Reset(), registrytest.Disconnect(5), registrytest.Hang(), registrytest.SlowDrip(1, time.Hour),
			} {
				removes = append(removes, w.Inject(registrytest.Fault{Probability: 0.05, Seed: uint64(i), BeforeAuth: true, Action: action}))
			}
			askAll(t, c, w, func(err error) {
				code, retryable := registry.Classify(err)
				if !retryable || !slices.Contains([]report.Code{report.Unavailable, report.RateLimited, report.Timeout}, code) {
					t.Errorf("got %s, %v: %v", code, retryable, err)
				}
			})
			w.Freeze()
			for _, remove := range removes {
				remove()
			}
			if err := afterThePause(t, c, w); err != nil {
				t.Errorf("the first question after the faults: %v", err)
			}
			askAll(t, c, w, func(err error) { t.Errorf("after the faults: %v", err) })
		})
	}
}

// afterThePause asks when the registry is due to be asked again.
func afterThePause(t *testing.T, c *registry.Client, w *world) error {
	t.Helper()
	err := fetchBlob(t.Context(), c, w)
	var e *registry.Error
	if !errors.As(err, &e) || e.RetryAfter == 0 {
		return err
	}
	over, cancel := context.WithTimeout(t.Context(), e.RetryAfter)
	defer cancel()
	<-over.Done()
	return fetchBlob(t.Context(), c, w)
}

// askAll goes through the whole chain many times side by side; failed is told what
// did not succeed.
func askAll(t *testing.T, c *registry.Client, w *world, failed func(error)) {
	t.Helper()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 5 {
				got, err := pull(t.Context(), c, w)
				if err != nil {
					failed(err)
				} else if string(got) != "envelope" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	wg.Wait()
}
