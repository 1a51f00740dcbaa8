// SPDX-License-Identifier: Apache-2.0

// Package service holds the one object behind all built-ins: the engine with
// its registry client, caches and verifiers, built from one configuration.
//
// The plugin builds it from OPA's configuration and puts it in place with
// [Use]. Commands that have no configuration (eval, test, check, build, bench)
// get one that is built at the first call, from the file that the environment
// variable RATIFY_CONFIG names, or from defaults. A service is replaced as a
// whole, never changed: queries that run meanwhile finish with the one they have.
package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/capture"
	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/telemetry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/cosign"
)

// ConfigVariable names the environment variable that names the configuration
// file of commands without OPA configuration.
const ConfigVariable = "RATIFY_CONFIG"

// Deps are what a service borrows from its host. The zero value is fine.
type Deps struct {
	// Metrics is told what happens. Nil: nobody is.
	Metrics *telemetry.Metrics
	// UserAgent is sent to registries. "": "opa-ratify".
	UserAgent string
	// LongLived says that the process serves: what a trust document wants to be
	// fresh (Sigstore's public trusted root) is then refreshed in the background.
	LongLived bool
	// Refreshed is told how each such refresh ended, and of each fetch of a key
	// provider that failed. Nil: nobody is.
	Refreshed func(error)
	// KeysChanged is told when [Service.KeyProviders] became another. Nil: nobody is.
	KeysChanged func()
	// CacheChanged is told when [Service.CacheFault] became another. Nil: nobody is.
	CacheChanged func()
	// KeysFetched is told after each fetch of a key provider. Nil: nobody is.
	KeysFetched func()
	// Warn is told of faults that cost speed only. Nil: nobody is.
	Warn func(error)
	// Recorder writes down what is fetched. Nil: nobody does.
	Recorder *capture.Recorder
	// Evidence answers in place of registries, revocation responders and the clock.
	// Nil: those do.
	Evidence *capture.Evidence
	// Now is the clock. Nil: time.Now.
	Now func() time.Time

	clouds *clouds
}

// asOf is the standing clock of captured evidence, nil without.
func (d Deps) asOf() func() time.Time {
	switch {
	case d.Evidence != nil:
		return d.Evidence.Time
	case d.Recorder != nil:
		return d.Recorder.Time
	default:
		return nil
	}
}

// Service answers the built-ins. It may be shared between goroutines.
type Service struct {
	config  *config.Config
	metrics *telemetry.Metrics
	now     func() time.Time
	source  evidence.Source
	store   *evidence.Store
	engine  *verify.Engine
	root    *publicRoot
	keys    *keys.Set
	beyond  *beyond
	close   func() error
	asOf    time.Time // zero: the present

	local struct {
		sync.Mutex
		doc     *trust.Document
		err     error
		checked time.Time
	}
}

// New builds a service. The error joins every problem found.
func New(c *config.Config, d Deps) (*Service, error) {
	if asOf := d.asOf(); asOf != nil {
		d.Now = asOf
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	d.clouds = newClouds(d.Now)
	source, closeSource, err := newSource(c, d)
	if err != nil {
		return nil, err
	}
	s := &Service{config: c, metrics: d.Metrics, now: d.Now, source: source, root: newPublicRoot(d)}
	if asOf := d.asOf(); asOf != nil {
		s.asOf = asOf()
	}
	if s.beyond, err = newBeyond(c, d); err != nil {
		return nil, errors.Join(err, closeSource())
	}
	if s.keys, err = newKeys(c, d); err != nil {
		return nil, errors.Join(err, s.beyond.close(), closeSource())
	}
	s.store = evidence.NewStore(source, evidence.Options{
		Tiers: s.beyond.tiers, Facts: s.beyond.facts,
		Allows:       func(ref reference.Reference) bool { return registry.Allows(c.AllowedRegistries, ref) },
		ContentBytes: orNone(int64(c.Cache.ContentBytes)), Entries: c.Cache.Entries,
		TagTTL: c.Cache.TagTTL, ReferrersTTL: c.Cache.ReferrersTTL, FailureTTL: c.Cache.FailureTTL,
		FetchTimeout: c.Timeout, Revalidate: c.Cache.StaleWhileRevalidate, MaxStale: c.Cache.MaxStale,
		Absent:   func(err error) bool { code, _ := classify(err); return code == report.NotFound },
		Passing:  func(err error) bool { _, retryable := classify(err); return retryable },
		Unasked:  registry.Unasked,
		Describe: registry.Describe,
		Observe:  d.Metrics.Cache, Resized: func(delta int64) { d.Metrics.CacheBytes("content", delta) }, Now: d.Now,
	})
	verifier, revocation := newNotation(c, d)
	s.close = func() error {
		s.store.Close()
		s.root.stop()
		s.keys.Close()
		revocation.CloseIdleConnections()
		d.clouds.transport.CloseIdleConnections()
		return errors.Join(s.beyond.close(), closeSource())
	}
	s.engine = verify.New(verify.Options{
		Source: s.store, Verifiers: []verify.Verifier{verifier, cosign.New(cosign.Options{Now: d.Now})}, Classify: classify,
		MaxSignatures: c.Limits.Signatures, MaxBytes: int64(c.Limits.TotalBytes), MaxConcurrent: c.Limits.ConcurrentVerifications,
		Outcomes: c.Cache.Entries, ReportBytes: orNone(int64(c.Cache.ReportBytes)), FailureTTL: c.Cache.FailureTTL, Timeout: c.Timeout,
		Stage: d.Metrics.Stage, Judged: d.Metrics.Verifier, Observe: d.Metrics.Cache, Now: d.Now,
	})
	return s, nil
}

// orNone maps the configuration's "0: nothing is kept" to the store's.
func orNone(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}

// Close drops idle connections and memory and ends background work. Calls under
// way finish.
func (s *Service) Close() error { return s.close() }

// ParseTrust compiles a trust document; see [trust.Parse]. For key providers that
// have not been asked yet it waits no longer than half the time of ctx.
func (s *Service) ParseTrust(ctx context.Context, raw []byte) (*trust.Document, error) {
	return trust.Parse(raw, trust.Options{Now: s.now, PublicGood: s.root.current, Providers: provided{ctx, s.keys}})
}

// CacheFault is why a cache that replicas share is not used now, which costs speed
// only; nil: it is, or there is none.
func (s *Service) CacheFault() error { return s.beyond.fault() }

// localTrustAge is how long the machine's own trust configuration is believed
// before it is looked for again.
const localTrustAge = time.Second

// LocalTrust returns the trust policy and trust store that the operator set up
// for notation on this machine. The error says why there is none to use.
func (s *Service) LocalTrust() (*trust.Document, error) {
	if s.config.Notation.Disabled {
		return nil, fmt.Errorf("%w: plugins.ratify.notation.disabled is set; pass a trust document in the request", trust.ErrNoTrust)
	}
	l := &s.local
	l.Lock()
	defer l.Unlock()
	if now := s.now(); l.checked.IsZero() || now.Sub(l.checked) >= localTrustAge {
		l.checked = now
		if l.doc == nil || l.doc.Stale() {
			l.doc, l.err = trust.FromNotation(s.config.Notation.ConfigDir, trust.Options{Now: s.now})
		}
	}
	return l.doc, l.err
}

var (
	inUse atomic.Pointer[Service] //nolint:gochecknoglobals // the one service of the process
	first sync.Mutex              //nolint:gochecknoglobals // guards its lazy construction
)

// EvidenceVariable names the environment variable that names a directory of
// captured evidence, which then answers in place of registries; for commands that
// test and explain policies, never for those that serve.
const EvidenceVariable = "RATIFY_EVIDENCE"

// Current returns the service in use. If nobody has put one in place it builds
// one from RATIFY_CONFIG or from defaults, over the evidence in RATIFY_EVIDENCE if
// that is set; the error says what is wrong with either, and the next call tries
// again.
func Current() (*Service, error) {
	if s := inUse.Load(); s != nil {
		return s, nil
	}
	first.Lock()
	defer first.Unlock()
	if s := inUse.Load(); s != nil {
		return s, nil
	}
	c, err := Config()
	if err != nil {
		return nil, err
	}
	var d Deps
	if dir := os.Getenv(EvidenceVariable); dir != "" {
		if d.Evidence, err = capture.Open(dir); err != nil {
			return nil, fmt.Errorf("%s: %w", EvidenceVariable, err)
		}
	}
	s, err := New(c, d)
	if err != nil {
		return nil, err
	}
	inUse.Store(s)
	return s, nil
}

// Config reads the configuration that RATIFY_CONFIG names, or gives the defaults.
func Config() (*config.Config, error) {
	path := os.Getenv(ConfigVariable)
	if path == "" {
		return config.Default(), nil
	}
	c, err := config.Load(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ConfigVariable, err)
	}
	return c, nil
}

// AsOf is the time as of which the service in use answers, if that is not the
// present: when its evidence was captured.
func AsOf() (at time.Time, standing bool, err error) {
	s := inUse.Load()
	if s == nil && os.Getenv(EvidenceVariable) != "" {
		if s, err = Current(); err != nil {
			return time.Time{}, false, err
		}
	}
	if s == nil || s.asOf.IsZero() {
		return time.Time{}, false, nil
	}
	return s.asOf, true, nil
}

// Use puts s in place for every call from now on and returns the service it
// replaces, nil if there was none. A nil s restores the lazy default.
func Use(s *Service) (previous *Service) { return inUse.Swap(s) }
