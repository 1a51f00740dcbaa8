// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// provider is one source with its last good snapshot.
type provider struct {
	Provider

	o     Options
	base  context.Context //nolint:containedctx // lifetime of background work, not of a call
	first chan struct{}   // closed when the first fetch has ended

	fetching chan struct{} // held by who fetches
	running  *sync.WaitGroup

	mu      sync.Mutex
	held    []holding // replaced as a whole
	err     error     // of the last fetch
	since   time.Time // of the last fetch without an error
	tried   time.Time
	looked  time.Time
	failed  int // fetches since the last good one
	started bool
	told    Status // what Changed was told of
}

func newProvider(ctx context.Context, running *sync.WaitGroup, configured Provider, o Options) *provider {
	return &provider{
		Provider: configured.withDefaults(), o: o.withDefaults(), base: ctx, running: running,
		first: make(chan struct{}), fetching: make(chan struct{}, 1), err: ErrPending, told: Status{Err: ErrPending},
	}
}

// run fetches until the set is closed.
func (p *provider) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.base.Done():
			return
		case <-timer.C:
			p.fetch()
			timer.Reset(p.pause())
		}
	}
}

// retryAfter is the pause after the first failure in a row; it doubles up to the
// refresh interval.
const retryAfter = 5 * time.Second

// pause is the time to the next fetch, with jitter of a tenth so that replicas do
// not ask together.
func (p *provider) pause() time.Duration {
	p.mu.Lock()
	failed := p.failed
	p.mu.Unlock()
	d := p.RefreshInterval
	if failed > 0 {
		d = min(retryAfter<<min(failed-1, 20), p.RefreshInterval)
	}
	return d - time.Duration(rand.Int64N(int64(d)/10+1)) //nolint:gosec // jitter, not a secret
}

// update sees to it that what is held is as current as it is meant to be.
func (p *provider) update(ctx context.Context) {
	switch {
	case p.changed():
		p.fetch() //nolint:contextcheck // a local file; the outcome is everybody's
	case p.o.Background:
		p.wait(ctx)
	case p.due():
		p.running.Go(p.fetch)
		p.wait(ctx)
	default:
		p.wait(ctx)
	}
}

// lookEvery is how often a watched source is looked at: a busy server asks often.
const lookEvery = time.Second

// changed reports whether a watched source has something new. Before the first
// fetch everything is.
func (p *provider) changed() bool {
	w, ok := p.Source.(Watched)
	if !ok {
		return false
	}
	now := p.o.Now()
	p.mu.Lock()
	again := p.looked.IsZero() || now.Sub(p.looked) >= lookEvery || now.Before(p.looked)
	first := p.looked.IsZero()
	if again {
		p.looked = now
	}
	p.mu.Unlock()
	return again && (first || w.Changed())
}

// due reports, once, that a fetch is wanted where nobody fetches regularly.
func (p *provider) due() bool {
	now := p.o.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	pause := p.RefreshInterval
	if p.failed > 0 {
		pause = min(retryAfter, pause)
	}
	if p.base.Err() != nil || p.started && now.Sub(p.tried) < pause && !now.Before(p.tried) {
		return false
	}
	p.started, p.tried = true, now
	return true
}

// wait returns when the first fetch has ended, or half of the caller's time.
func (p *provider) wait(ctx context.Context) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(time.Until(deadline)/2, 0))
		defer cancel()
	}
	select {
	case <-p.first:
	case <-ctx.Done():
	case <-p.base.Done():
	}
}

// fetch asks the source, one at a time.
func (p *provider) fetch() {
	p.fetching <- struct{}{}
	defer func() { <-p.fetching }()
	ctx, cancel := context.WithTimeout(p.base, fetchTimeout)
	defer cancel()
	snapshot, err := p.ask(ctx)
	if p.base.Err() != nil {
		return // the set was closed, which is nobody's failure
	}
	p.take(snapshot, err)
	now := p.status()
	p.o.Fetched(now)
	p.mu.Lock()
	before := p.told
	p.told = now
	p.mu.Unlock()
	if before.Keys != now.Keys || text(before.Err) != text(now.Err) {
		p.o.Changed()
	}
}

// ask survives a source that panics: in a goroutine of ours it would end the
// process.
func (p *provider) ask(ctx context.Context) (s Snapshot, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, err = Snapshot{}, &Error{Step: "fetch", Message: fmt.Sprintf("internal fault, please report it: %v", r)}
		}
	}()
	return p.Source.Fetch(ctx)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
