// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"runtime"
	"sync/atomic"
	"time"
)

// crew runs functions on goroutines that it uses again. An evaluation needs a
// stack of a hundred kilobytes, and to grow one in every new goroutine costs more
// than most evaluations. It may be shared.
type crew struct {
	jobs chan func() // to those who wait
	idle atomic.Int64
}

func newCrew() *crew { return &crew{jobs: make(chan func())} }

// idleTime is how long a goroutine waits for more to do before it ends.
const idleTime = 5 * time.Second

// do runs job on another goroutine.
func (c *crew) do(job func()) {
	select {
	case c.jobs <- job: // somebody waits for it
	default:
		go c.member(job)
	}
}

// member does job and others until there are none for a while.
func (c *crew) member(job func()) {
	timer := time.NewTimer(idleTime)
	defer timer.Stop()
	for job != nil {
		job()
		job = c.next(timer)
	}
}

// next waits for a job; nil: enough others wait, or there was none. No more wait
// than processors could serve.
func (c *crew) next(timer *time.Timer) func() {
	defer c.idle.Add(-1)
	if c.idle.Add(1) > int64(2*runtime.GOMAXPROCS(0)) {
		return nil
	}
	timer.Reset(idleTime)
	select {
	case job := <-c.jobs:
		return job
	case <-timer.C:
		return nil
	}
}
