// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/plugins"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/telemetry"
)

// Options says what a provider works with.
type Options struct {
	// Manager lends compiler, store, loggers and routes. Required.
	Manager *plugins.Manager
	// Settings returns the configuration in force. It is asked once per request.
	// Required.
	Settings func() config.Gatekeeper
	// Metrics is told what happens. Nil: nobody is.
	Metrics *telemetry.Metrics
	// Caches are those of OPA's server. Nil: evaluations share no cache.
	Caches *Caches
	// Now is the clock of answers and logs. Nil: time.Now.
	Now func() time.Time
}

// Provider answers Gatekeeper's requests. It may be shared between goroutines.
type Provider struct {
	manager  *plugins.Manager
	settings func() config.Gatekeeper
	metrics  *telemetry.Metrics
	caches   *Caches
	now      func() time.Time
	queries  queries
	scratch  scratches
	buffers  buffers
	crew     *crew
}

// New builds a provider. Nothing is served before [Provider.Register].
func New(o Options) *Provider {
	p := &Provider{manager: o.Manager, settings: o.Settings, metrics: o.Metrics, caches: o.Caches, now: o.Now, crew: newCrew()}
	if p.caches == nil {
		p.caches = &Caches{}
	}
	if p.now == nil {
		p.now = time.Now
	}
	return p
}

// Register adds the routes to the manager. OPA reads routes once, when its server
// starts: call it from a plugin factory, once per manager.
func (p *Provider) Register() {
	m := p.manager
	for _, o := range operations() {
		m.ExtraRoute("POST "+o.path(), strings.Trim(o.path(), "/"), p.serve(o))
	}
	m.ExtraRoute(prefix, strings.Trim(prefix, "/"), elsewhere)
	m.ExtraMiddleware(p.guard)
	m.ExtraAuthorizerRoute(func(method string, path []any) bool {
		return method == http.MethodPost && len(path) > 1 && path[0] == "ratify" && path[1] == "gatekeeper"
	})
}

// elsewhere answers a wrong method or path; guard makes a response of it. OPA
// redirects a path that ends in a slash before anybody is asked, and clients
// follow by GET.
func elsewhere(w http.ResponseWriter, r *http.Request) {
	status, message := http.StatusNotFound, "not found; there are "+prefix+"v1/verify, v1/mutate, v2/verify and v2/mutate"
	if operationOf(r).name != "" {
		w.Header().Set("Allow", http.MethodPost)
		status, message = http.StatusMethodNotAllowed, "method not allowed; send POST, to a url without a slash at its end"
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"message":"`+message+`"}`) // to guard, which keeps it
}

func (p *Provider) serve(o operation) http.HandlerFunc {
	fixed := newTerms(o)
	return func(w http.ResponseWriter, r *http.Request) {
		started, settings := p.now(), p.settings()
		in, read := r.Context().Value(intakeKey{}).(intake)
		if !read {
			in.err = errors.New("internal: the request was not read")
		}
		if in.err != nil {
			p.refuse(r.Context(), w, http.StatusOK, o, in.request, in.err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), o.timeout(settings))
		defer cancel()
		all := p.decideAll(ctx, round{provider: p, operation: o, terms: fixed, settings: settings, remote: r.RemoteAddr}, in.request.keys)
		p.buffers.write(w, http.StatusOK, respond(in.request, o, all, settings.Undecided))
		o.observe(p.metrics, p.now().Sub(started))
	}
}

// refuse answers a request that is not served at all.
func (p *Provider) refuse(ctx context.Context, w http.ResponseWriter, status int, o operation, req request, reason error) {
	c := malformed
	switch {
	case errors.Is(reason, errTooMany):
		c = tooMany
	case errors.Is(reason, errTooLarge):
		c = tooLarge
	case errors.Is(reason, errRefused):
		c = forbidden
	}
	p.metrics.SystemError(ctx, string(c))
	p.manager.Logger().WithFields(map[string]any{"operation": o.name, "code": string(c), "error": reason.Error()}).
		Warn("A request of Gatekeeper was not served.")
	p.buffers.write(w, status, refuse(req.apiVersion, o, reason))
}
