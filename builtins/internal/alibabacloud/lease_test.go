// SPDX-License-Identifier: Apache-2.0

package alibabacloud_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
)

// clock is a settable clock.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time               { return time.Unix(c.at.Load(), 0) }
func (c *clock) pass(by time.Duration)        { c.at.Add(int64(by / time.Second)) }
func (c *clock) in(d time.Duration) time.Time { return c.now().Add(d) }

func TestLeaseIsAskedForOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	release := make(chan struct{})
	c := &clock{}
	l := alibabacloud.Leases[string]{Now: c.now, Timeout: time.Minute, Ask: func(_ context.Context, key string) (string, time.Time, error) {
		<-release
		return key + strconv.FormatInt(asked.Add(1), 10), c.in(time.Hour), nil
	}}
	gone, cancel := context.WithCancel(t.Context())
	cancel() // the first caller has given up
	if _, err := l.Take(gone, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if v, err := l.Take(t.Context(), "a"); v != "a1" || err != nil {
				t.Errorf("got %q, %v", v, err)
			}
		})
	}
	close(release)
	wg.Wait()
	if v, err := l.Take(t.Context(), "b"); v != "b2" || err != nil {
		t.Errorf("got %q, %v", v, err)
	}
}

// Ahead of expiry the current value is used while the next is asked for, and used
// still while nobody answers.
func TestLeaseIsRenewedAheadOfExpiry(t *testing.T) {
	t.Parallel()
	c := &clock{}
	asked, answers := make(chan struct{}), make(chan error)
	n := 0
	l := alibabacloud.Leases[int]{Now: c.now, Timeout: time.Minute, Ask: func(context.Context, string) (int, time.Time, error) {
		asked <- struct{}{}
		err := <-answers
		n++
		return n, c.in(time.Hour), err
	}}
	take := func() (int, error) { return l.Take(t.Context(), "") }
	go func() { <-asked; answers <- nil }()
	if v, err := take(); v != 1 || err != nil {
		t.Fatalf("got %d, %v", v, err)
	}
	c.pass(54 * time.Minute)
	if v, err := take(); v != 1 || err != nil {
		t.Fatalf("got %d, %v", v, err)
	}
	c.pass(2 * time.Minute)
	if v, err := take(); v != 1 || err != nil { // starts the request
		t.Fatalf("got %d, %v", v, err)
	}
	<-asked
	answers <- errors.New("down")
	if v, err := take(); v != 1 || err != nil {
		t.Fatalf("got %d, %v", v, err)
	}
	c.pass(5 * time.Minute) // expired
	go func() { <-asked; answers <- nil }()
	for {
		v, err := take()
		if err == nil && v == 3 {
			return
		}
		if v == 1 {
			t.Fatal("the expired value is used")
		}
		c.pass(time.Minute) // past the pause
	}
}

func TestLeaseBacksOff(t *testing.T) {
	t.Parallel()
	c := &clock{}
	down := errors.New("down")
	asked := 0
	l := alibabacloud.Leases[int]{Now: c.now, Timeout: time.Minute, Ask: func(context.Context, string) (int, time.Time, error) {
		asked++
		return 0, time.Time{}, down
	}}
	for _, step := range []struct {
		pass time.Duration
		asks int
	}{{0, 1}, {0, 1}, {time.Second, 2}, {time.Second, 2}, {time.Second, 3}, {3 * time.Second, 3}, {time.Second, 4}, {time.Hour, 5}} {
		c.pass(step.pass)
		_, err := l.Take(t.Context(), "")
		if !errors.Is(err, down) || asked != step.asks {
			t.Errorf("after %v: asked %d times, want %d: %v", step.pass, asked, step.asks, err)
		}
	}
	if _, err := l.Take(t.Context(), ""); !errors.Is(err, alibabacloud.ErrPause) || !strings.Contains(err.Error(), "in back-off until 1970-01-01T01:00:2") {
		t.Errorf("got %v", err)
	}
}

// Strangers name hosts; what is kept of them is bounded and does not push out what
// is used.
func TestLeasesAreBounded(t *testing.T) {
	t.Parallel()
	c := &clock{}
	var asked atomic.Int64
	l := alibabacloud.Leases[int]{Now: c.now, Timeout: time.Minute, Ask: func(_ context.Context, key string) (int, time.Time, error) {
		asked.Add(1)
		if key == "good" {
			return 1, c.in(time.Hour), nil
		}
		return 0, time.Time{}, errors.New("none")
	}}
	for i := range 3000 {
		_, _ = l.Take(t.Context(), strconv.Itoa(i))
		if v, err := l.Take(t.Context(), "good"); v != 1 || err != nil {
			t.Fatalf("got %d, %v", v, err)
		}
	}
	if n := asked.Load(); n != 3001 {
		t.Errorf("asked %d times", n)
	}
}
