// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Provider is one entry of plugins.ratify.key_providers.
type Provider struct {
	// Name is what trust documents write. Required, unique.
	Name string
	// Source is asked for the keys. Required.
	Source Source
	// RefreshInterval is the time between two fetches. Zero: 1 h.
	RefreshInterval time.Duration
	// MaxStale is how long the last good keys stay in force while the source
	// cannot be asked. Zero: not at all.
	MaxStale time.Duration
}

// MinRefreshInterval is the shortest time between two fetches: key services
// throttle, and bill.
const MinRefreshInterval = 10 * time.Second

// fetchTimeout bounds one fetch of all keys of a provider.
const fetchTimeout = 30 * time.Second

// Options configures a [Set]. The zero value fetches when asked.
type Options struct {
	// Background fetches at once and then regularly, so that nobody waits. False:
	// a lookup fetches when the last fetch is older than the refresh interval.
	Background bool
	// Fetched is told how a provider is after each fetch. It must not block. Nil:
	// nobody is.
	Fetched func(Status)
	// Changed is told when a [Status] became another. It must not block. Nil:
	// nobody is.
	Changed func()
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Set is all configured key providers. It may be shared between goroutines. A nil
// Set has none.
type Set struct {
	names     []string
	providers map[string]*provider
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// NewSet returns a set; with Background it is fetching already.
func NewSet(providers []Provider, o Options) *Set {
	ctx, cancel := context.WithCancel(context.Background()) // for as long as the set lives
	s := &Set{providers: map[string]*provider{}, stop: cancel}
	for _, configured := range providers {
		p := newProvider(ctx, &s.running, configured, o)
		s.names = append(s.names, configured.Name)
		s.providers[configured.Name] = p
		if o.Background {
			s.running.Go(p.run)
		}
	}
	return s
}

// Close ends background work and waits for it.
func (s *Set) Close() {
	if s != nil {
		s.stop()
		s.running.Wait()
	}
}

// Names lists the providers in the order of the configuration.
func (s *Set) Names() []string {
	if s == nil {
		return nil
	}
	return slices.Clone(s.names)
}

// The versions that name more than one service's own version.
const (
	Latest     = "latest"      // the newest enabled version, as "" does
	AllEnabled = "all enabled" // every enabled version
)

// Found is what a provider has under one name now.
type Found struct {
	Keys   []Key    // with PEM, in force now; newest last, as the source lists them
	Absent []Absent // why there are not more
}

// Absent says why a key is not there.
type Absent struct {
	Version string
	Err     error
	// Unseen says that the service could not be asked: nobody knows the key.
	// False: the service says that there is none to use.
	Unseen bool
	// Retryable says that asking again may help.
	Retryable bool
}

// Lookup returns the keys of a provider: version "" or [Latest] for the newest
// enabled one, [AllEnabled] for all of them, else the service's own. Before the
// provider's first fetch has ended it waits for that, at most half the time that
// ctx leaves. The error wraps [ErrUnknown]: there is no such provider.
func (s *Set) Lookup(ctx context.Context, provider, name, version string) (Found, error) {
	p := s.provider(provider)
	if p == nil {
		return Found{}, fmt.Errorf("key provider %q: %w; there are %s", provider, ErrUnknown, listed(s.Names()))
	}
	p.update(ctx)
	return p.find(name, version), nil
}

func (s *Set) provider(name string) *provider {
	if s == nil {
		return nil
	}
	return s.providers[name]
}

// ErrPending is a provider's error before its first fetch has ended.
var ErrPending = errors.New("the first fetch has not ended")

// Status is how a provider is.
type Status struct {
	Provider string
	Keys     int       // in force now
	Since    time.Time // of the last fetch without an error; zero: there was none
	Err      error     // of the last fetch; nil: it was good
	Empty    bool      // it has an error and nothing in force
}

// Status tells of each provider, in the order of the configuration.
func (s *Set) Status() []Status {
	var all []Status
	for _, name := range s.Names() {
		all = append(all, s.providers[name].status())
	}
	return all
}

// Held is a key that a provider has, in force or not.
type Held struct {
	Name, Version string
	Enabled       bool
	Certificate   bool      // false: a public key, or nothing to tell by
	Seen          time.Time // when the service last said so
}

// Held lists the keys of a provider, as its source lists them; nil if there is no
// such provider.
func (s *Set) Held(name string) []Held {
	p := s.provider(name)
	if p == nil {
		return nil
	}
	p.mu.Lock()
	held := p.held
	p.mu.Unlock()
	var all []Held
	for _, h := range held {
		all = append(all, Held{
			Name: h.Name, Version: h.Version, Enabled: p.objection(h) == nil,
			Certificate: bytes.Contains(h.PEM, []byte("-----BEGIN CERTIFICATE-----")), Seen: h.seen,
		})
	}
	return all
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return strings.Join(quoted, ", ")
}

func (p Provider) withDefaults() Provider {
	p.RefreshInterval = cmp.Or(p.RefreshInterval, time.Hour)
	return p
}

func (o Options) withDefaults() Options {
	if o.Fetched == nil {
		o.Fetched = func(Status) {}
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
