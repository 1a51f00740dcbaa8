// SPDX-License-Identifier: Apache-2.0

// Package follow keeps a process in step with the resources of a cluster.
//
//	cluster ──▶ standing ──▶ Host: trust, configuration
//	        ◀── status ◀──┴── key providers
//
// Until each kind was listed once there is no trust, and the host is told why. From
// then on what is in force stays while the API server is away.
package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/cluster"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
)

// Host is the process that follows.
type Host interface {
	// Adopt puts into force what the resources amount to. If it cannot, all that is
	// in force stays.
	Adopt(context.Context, *standing.Outcome) error
	// Wait says why there is no trust yet.
	Wait(ctx context.Context, why string) error
	// Say tells of a change of the condition.
	Say(Condition)
	// Keys is a provider that an outcome named; false if there is none yet.
	Keys(provider string) (Provider, bool)
	// Warn logs.
	Warn(error)
}

// Provider is how a key provider is.
type Provider struct {
	Status   keys.Status
	Keys     []keys.Held
	Interval time.Duration // between two fetches
}

// Condition is how well the resources are followed. The zero value is: well.
type Condition struct {
	// Waiting reports that there is no trust yet.
	Waiting bool
	// Message says what is wrong; "" if nothing is.
	Message string
}

// Unread is the condition before anything was read. The host is in it when it calls
// [Start].
func Unread() Condition {
	return Condition{Waiting: true, Message: "the resources of the cluster have not been read yet"}
}

// Options configures a [Follower].
type Options struct {
	// Client reaches the API server. Required.
	Client *cluster.Client
	// Host follows. Required.
	Host Host
	// Standing says how resources are translated.
	Standing standing.Options
	// Namespaces are those whose resources are watched. Empty: all.
	Namespaces []string
	// Resync is the time after which each status is compared again.
	Resync time.Duration
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Follower follows the resources of a cluster.
type Follower struct {
	Options

	stop    context.CancelFunc
	running sync.WaitGroup
	changed chan struct{} // what the resources amount to is to be decided again
	fetched chan struct{} // a key provider was asked

	mu      sync.Mutex
	state   standing.State
	seen    map[standing.Key]seen
	missing map[cluster.Source]bool  // not listed yet
	trouble map[cluster.Source]error // of the last request

	// For the one goroutine that decides.
	verdicts map[standing.Key]standing.Verdict
	written  map[standing.Key]written
	said     Condition
	waiting  string
}

// seen is what the API server has of a resource besides.
type seen struct {
	uid    string
	status map[string]any
}

// Start follows until [Follower.Stop].
func Start(o Options) *Follower {
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background()) // until Stop
	f := &Follower{
		Options: o, stop: cancel, changed: make(chan struct{}, 1), fetched: make(chan struct{}, 1),
		seen: map[standing.Key]seen{}, missing: map[cluster.Source]bool{}, trouble: map[cluster.Source]error{},
		written: map[standing.Key]written{}, said: Unread(), waiting: Unread().Message,
	}
	sources := cluster.Sources(o.Namespaces)
	for _, s := range sources {
		f.missing[s] = true
	}
	kick(f.changed)
	f.running.Go(func() { o.Client.Watch(ctx, sources, sink{f}) })
	f.running.Go(func() { f.run(ctx) })
	return f
}

// Stop ends following; what is in force stays.
func (f *Follower) Stop() {
	f.stop()
	f.running.Wait()
}

// KeysFetched says that a key provider was asked. It does not block.
func (f *Follower) KeysFetched() { kick(f.fetched) }

func kick(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // somebody did
	}
}

// settling is how long more changes are waited for: `kubectl apply -f` of a folder
// comes one by one.
const settling = 100 * time.Millisecond

func (f *Follower) run(ctx context.Context) {
	resync := time.NewTicker(f.Resync)
	defer resync.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.changed:
			if !pause(ctx, settling) {
				return
			}
			f.decide(ctx)
		case <-f.fetched:
		case <-resync.C:
			clear(f.written)
		}
		f.tell(ctx)
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// decide puts into force what the resources amount to now.
func (f *Follower) decide(ctx context.Context) {
	f.mu.Lock()
	away, waiting := f.away(), len(f.missing) > 0
	f.mu.Unlock()
	if waiting {
		f.wait(ctx, away)
		return
	}
	message := ""
	if away != nil {
		message = "the last good resources stay in force: " + away.Error()
	}
	if err := f.adopt(ctx); err != nil && ctx.Err() == nil {
		message = "the last good resources stay in force: " + err.Error()
	}
	f.say(Condition{Message: message})
}

func (f *Follower) adopt(ctx context.Context) error {
	f.mu.Lock()
	outcome, err := f.state.Decide(f.Standing)
	f.mu.Unlock()
	if err != nil {
		return err
	}
	if err := f.Host.Adopt(ctx, outcome); err != nil {
		return err
	}
	f.verdicts = outcome.Verdicts
	return nil
}

// wait says why there is nothing yet.
func (f *Follower) wait(ctx context.Context, away error) {
	why := Unread().Message
	if away != nil {
		why += ": " + away.Error()
	}
	if why != f.waiting {
		if err := f.Host.Wait(ctx, why); err != nil && ctx.Err() == nil {
			f.Host.Warn(err)
			return
		}
		f.waiting = why
	}
	f.say(Condition{Waiting: true, Message: why})
}

func (f *Follower) say(c Condition) {
	if c != f.said {
		f.said = c
		f.Host.Say(c)
	}
}

// away says why a source cannot be reached, nil if all can. One is enough: they
// fail together. It is called with the lock held.
func (f *Follower) away() error {
	var messages []string
	for source, err := range f.trouble {
		if err != nil {
			messages = append(messages, fmt.Sprintf("%s: %v", source.Kind, err))
		}
	}
	slices.Sort(messages)
	if len(messages) == 0 {
		return nil
	}
	return errors.New(messages[0])
}
