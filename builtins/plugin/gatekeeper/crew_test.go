// SPDX-License-Identifier: Apache-2.0

package gatekeeper_test

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/plugin/gatekeeper"
)

// Jobs that wait for each other all get a goroutine, however many there are.
func TestCrewDoesAllJobsAtOnce(t *testing.T) {
	t.Parallel()
	c := gatekeeper.NewCrew()
	var meeting, done sync.WaitGroup
	for range 3 { // the later ones find goroutines that wait for work
		const jobs = 100
		meeting.Add(jobs)
		done.Add(jobs)
		for range jobs {
			c.Do(func() {
				defer done.Done()
				meeting.Done()
				meeting.Wait()
			})
		}
		done.Wait()
	}
}

// Goroutines wait for more to do, a few of them and not for ever.
func TestCrewGoesHome(t *testing.T) { //nolint:paralleltest // counts the goroutines of the bubble
	synctest.Test(t, func(t *testing.T) {
		c := gatekeeper.NewCrew()
		before := runtime.NumGoroutine()
		var begun, end sync.WaitGroup
		end.Add(1)
		for range 100 {
			begun.Add(1)
			c.Do(func() { begun.Done(); end.Wait() })
		}
		begun.Wait()
		end.Done()
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > 2*runtime.GOMAXPROCS(0) {
			t.Errorf("%d goroutines wait for work", n)
		}
		again := make(chan struct{})
		c.Do(func() { close(again) })
		<-again
		<-time.After(gatekeeper.IdleTime) // of the bubble: it passes at once
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > 0 {
			t.Errorf("%d goroutines still wait for work", n)
		}
	})
}
