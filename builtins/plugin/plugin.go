// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/logging"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/follow"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/telemetry"
	"github.com/opa-ratify/opa-ratify/builtins/plugin/gatekeeper"
)

// Name is the name of the plugin and of its section in OPA's configuration.
const Name = "ratify"

// Factory creates the plugin. The zero value is fine.
type Factory struct {
	// Caches are filled by the cache hooks. Nil: evaluations for Gatekeeper share
	// no cache with OPA's server.
	Caches *Caches
	// UserAgent is sent to registries. "": "opa-ratify".
	UserAgent string
}

// Validate reads the section; the error joins every problem found. A plugin that
// is running keeps its configuration and warns. What keeps OPA from starting is
// said here and not in Start, whose error OPA v1.22 does not show.
func (Factory) Validate(m *plugins.Manager, raw []byte) (any, error) {
	c, err := config.Parse(raw)
	if os.Getenv(service.EvidenceVariable) != "" {
		err = errors.Join(err, errors.New(service.EvidenceVariable+" is set: captured evidence is for eval, test and bench, and nothing that decides may run on it; unset it"))
	}
	if err == nil && c.Resources.Watch != "" {
		ctx := context.Background() // there is no other
		err = storage.Txn(ctx, m.Store, storage.TransactionParams{}, func(txn storage.Transaction) error { return vacant(ctx, m.Store, txn) })
	}
	if p, running := m.Plugin(Name).(*Plugin); err != nil && running {
		p.refused(kept(err))
	}
	if err != nil {
		return nil, err
	}
	return &section{c, slices.Clone(raw)}, nil
}

// New creates the plugin and its routes. It is not ready before Start.
func (f Factory) New(m *plugins.Manager, c any) plugins.Plugin {
	p := &Plugin{manager: m, userAgent: f.UserAgent, condition: condition{late: isClosed(m.ServerInitializedChannel())}}
	p.base = c.(*section) //nolint:errcheck,forcetypeassert // OPA passes on what Validate returned
	p.config.Store(p.base.Config)
	p.owned.store = m.Store
	p.metrics = newMetrics(m)
	gatekeeper.New(gatekeeper.Options{
		Manager: m, Metrics: p.metrics, Caches: f.Caches,
		Settings: func() config.Gatekeeper { return p.config.Load().Gatekeeper },
	}).Register()
	p.tell()
	return p
}

// newMetrics registers the metrics. Without them everything else still works.
func newMetrics(m *plugins.Manager) *telemetry.Metrics {
	metrics, err := telemetry.New(telemetry.Options{Registerer: m.PrometheusRegister()})
	if err != nil {
		m.Logger().Error("plugins.ratify: no metrics: %v", err)
		return nil
	}
	return metrics
}

// Plugin keeps the service of the process in step with the configuration.
type Plugin struct {
	manager   *plugins.Manager
	metrics   *telemetry.Metrics
	userAgent string
	config    atomic.Pointer[config.Config]
	condition condition

	follower atomic.Pointer[follow.Follower] // nil: no resources are watched

	mu       sync.Mutex // one change at a time
	service  *service.Service
	base     *section // the operator's configuration
	section  []byte   // what the resources add to it
	revision string   // of what they trust; "" for nothing
	owned    owned
}

// Start puts the service in place. The error keeps OPA from starting.
func (p *Plugin) Start(ctx context.Context) error {
	if path := os.Getenv(service.ConfigVariable); path != "" {
		p.manager.Logger().Warn("%s is set, and not read here: what %q says is not in force unless --config-file says it too", service.ConfigVariable, path)
	}
	err := p.replace(p.base) //nolint:contextcheck // the service outlives Start
	if err == nil {
		err = p.follow(ctx, p.base.Resources)
	}
	if err != nil {
		p.failed(err.Error())
		p.manager.ResolveBufferedLogger(logging.New()) // OPA ends now, and would not write the lines that it has kept
		return fmt.Errorf("plugins.ratify: %w", err)
	}
	return nil
}

// Reconfigure replaces the service as a whole; calls under way finish with the
// old one. If that fails the old one stays and the status warns.
func (p *Plugin) Reconfigure(ctx context.Context, c any) {
	next := c.(*section) //nolint:errcheck,forcetypeassert // OPA passes on what Validate returned
	err := p.refollow(ctx, next)
	if err == nil {
		err = p.replace(next) //nolint:contextcheck // the service outlives the call
	}
	if err != nil {
		p.refused(kept(err))
		p.manager.Logger().Error("plugins.ratify: %s", kept(err))
	}
}

// Stop lets go of idle connections. The service stays in place: a query that is
// still under way must not fall back to one without this configuration.
func (p *Plugin) Stop(context.Context) {
	p.unfollow()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.service != nil {
		p.close(p.service)
	}
	p.stopped()
}

// replace puts another configuration of the operator into force, with what the
// resources say.
func (p *Plugin) replace(base *section) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := joined(base, p.section)
	if err != nil {
		return err
	}
	next, err := p.build(c)
	if err != nil {
		return err
	}
	p.base = base
	p.install(c, next)
	p.serves(next)
	return nil
}

func (p *Plugin) build(c *config.Config) (*service.Service, error) {
	return service.New(c, service.Deps{
		Metrics: p.metrics, UserAgent: p.userAgent, LongLived: true,
		Warn: func(err error) { p.manager.Logger().Warn("plugins.ratify: %v", err) },
		Refreshed: func(err error) {
			if err != nil { // the last good one stays
				p.manager.Logger().Warn("plugins.ratify: %v", err)
			}
		},
		KeysChanged: p.tell, KeysFetched: p.fetched, CacheChanged: p.tell,
	})
}

// install makes every call from now on use the service.
func (p *Plugin) install(c *config.Config, next *service.Service) {
	p.metrics.Configure(hosts(c), c.Metrics.WorkloadNamespace)
	old := p.config.Swap(c)
	service.Use(next)
	if previous := p.service; previous != nil {
		time.AfterFunc(old.Timeout, func() { p.close(previous) }) // its calls have ended by then
	}
	p.service = next
}

func (p *Plugin) close(s *service.Service) {
	if err := s.Close(); err != nil {
		p.manager.Logger().Warn("plugins.ratify: close: %v", err)
	}
}

func kept(err error) string {
	problems := strings.ReplaceAll(err.Error(), "\n", "; ")
	return "the last good configuration stays in force: " + problems
}

// hosts are the registries the configuration names one by one.
func hosts(c *config.Config) []string {
	var names []string
	for _, r := range c.Registries {
		if !strings.HasPrefix(r.Match, "*") {
			names = append(names, r.Match)
		}
	}
	return names
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
