// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// within gives a question d.
func within(t *testing.T, d time.Duration, ask question, c *registry.Client, w *world) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return ask(ctx, c, w)
}

// failing makes n questions fail, and says so if one does not.
func failing(t *testing.T, n int, c *registry.Client, w *world) {
	t.Helper()
	for range n {
		if err := fetchBlob(t.Context(), c, w); err == nil {
			t.Fatal("no error")
		}
	}
}

func TestRegistryThatKeepsFailingIsNotAsked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		action registrytest.Action
		code   report.Code
		text   string
	}{
		"503":   {registrytest.Status(503, nil), report.Unavailable, "503 Service Unavailable"},
		"429":   {registrytest.Status(429, nil), report.RateLimited, "429 Too Many Requests"},
		"reset": {registrytest.Reset(), report.Unavailable, "EOF"},
		"hung":  {registrytest.Hang(), report.Timeout, "no answer within"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			remove := w.Inject(registrytest.Fault{Action: tt.action})
			c := client(t, registry.Options{Retries: -1, HeaderTimeout: 500 * time.Millisecond})
			failing(t, 6, c, w) // the sixth is the probe
			w.ResetRequests()
			err := within(t, 20*time.Millisecond, fetchBlob, c, w)
			code, retryable := registry.Classify(err)
			if code != tt.code || !retryable || len(w.Requests()) != 0 {
				t.Errorf("got %s, %v after %d requests", code, retryable, len(w.Requests()))
			}
			for _, want := range []string{w.Host() + ": GET ", "6 times in a row", tt.text, "asked again in"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say %q", err, want)
				}
			}
			remove()
			for i := range 3 {
				if err := fetchBlob(t.Context(), c, w); err != nil {
					t.Errorf("question %d after the recovery: %v", i, err)
				}
			}
		})
	}
}

func TestAnswersAreNotFailures(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]registrytest.Action{
		"404": registrytest.Status(404, nil), "401": registrytest.Status(401, nil), "403": registrytest.Status(403, nil),
		"400": registrytest.Status(400, nil), "a lie": registrytest.FlipByte(1),
	} {
		w := newWorld(t, registrytest.Options{})
		w.Inject(registrytest.Fault{Action: action})
		c := client(t, registry.Options{})
		failing(t, 20, c, w)
		if n := len(w.Requests()); n != 20 {
			t.Errorf("%s: %d requests of 20 arrived", name, n)
		}
	}
}

func TestHurriedCallersSayNothingAboutTheRegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	remove := w.Inject(registrytest.Fault{Action: registrytest.Hang()})
	c := client(t, registry.Options{})
	for range 10 {
		if err := within(t, 10*time.Millisecond, fetchBlob, c, w); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	}
	remove()
	if err := within(t, 10*time.Second, fetchBlob, c, w); err != nil {
		t.Error(err)
	}
}

func TestEverybodyIsAnsweredOnceTheRegistryIsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	remove := w.Inject(registrytest.Fault{Action: registrytest.Status(503, nil)})
	c := client(t, registry.Options{Retries: -1})
	failing(t, 5, c, w)
	remove()
	w.Inject(registrytest.Fault{Action: registrytest.Delay(20 * time.Millisecond)})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := fetchBlob(t.Context(), c, w); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestHungRegistryLeavesPlacesForOthers(t *testing.T) {
	t.Parallel()
	bad, good := newWorld(t, registrytest.Options{}), newWorld(t, registrytest.Options{})
	arrived := make(chan struct{}, 64)
	bad.Inject(registrytest.Fault{Action: registrytest.Custom(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			<-r.Context().Done()
		})
	})})
	c := client(t, registry.Options{MaxConcurrent: 4, HeaderTimeout: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := fetchBlob(ctx, c, bad); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	for range 3 {
		<-arrived
	}
	for range 5 {
		if err := within(t, 10*time.Second, fetchBlob, c, good); err != nil {
			t.Errorf("the good one, beside one that hangs: %v", err)
		}
	}
	if len(arrived) != 0 {
		t.Errorf("%d more requests than three places of four", len(arrived))
	}
	cancel()
	wg.Wait()
}

func TestRetryAfterHoldsForOtherRequests(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		code   report.Code
	}{{429, report.RateLimited}, {503, report.Unavailable}} {
		w := newWorld(t, registrytest.Options{})
		w.Inject(registrytest.Fault{Action: registrytest.Status(tt.status, http.Header{"Retry-After": {"90"}}), Times: 1})
		c := client(t, registry.Options{})
		failing(t, 1, c, w)
		w.ResetRequests()
		err := resolveTag(t.Context(), c, w)
		var e *registry.Error
		if !errors.As(err, &e) || e.Code != tt.code || !e.Retryable || e.RetryAfter < 55*time.Second || e.RetryAfter > time.Minute || len(w.Requests()) != 0 {
			t.Errorf("%d: got %+v after %d requests", tt.status, e, len(w.Requests()))
		}
		if err == nil || !strings.Contains(err.Error(), "left alone until 2") {
			t.Errorf("%d: %v", tt.status, err)
		}
	}
}

func TestShortRetryAfterIsWaitedForByOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.Inject(registrytest.Fault{Action: registrytest.Status(429, http.Header{"Retry-After": {"1"}}), Times: 1})
	c := client(t, registry.Options{Retries: -1})
	failing(t, 1, c, w)
	began := time.Now()
	if err := resolveTag(t.Context(), c, w); err != nil || time.Since(began) < 900*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}
