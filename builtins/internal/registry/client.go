// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/opa-ratify/opa-ratify/builtins/internal/fair"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// maxHosts bounds the registries remembered: whoever names images names hosts.
const maxHosts = 256

// Client talks to registries. It keeps connections, tokens and what it learned
// about each registry, so a process has one. It may be shared between goroutines.
type Client struct {
	o     Options
	rules []rule
	base  context.Context //nolint:containedctx // lifetime of background token renewal
	stop  context.CancelFunc
	gate  *fair.Gate // places for requests, shared between hosts

	maxMeeting time.Duration
	memory     *memory

	mu           sync.Mutex
	hosts        *lru.Cache[string, *host]
	capabilities *lru.Cache[string, capability] // by host and repository
}

// New returns a client. The error joins every problem of o.
func New(o Options) (*Client, error) {
	rules, err := compile(o)
	if err := errors.Join(err, o.Limits.validate()); err != nil {
		return nil, fmt.Errorf("configure registries: %w", err)
	}
	hosts, err := lru.NewWithEvict(maxHosts, func(_ string, h *host) { h.transport.CloseIdleConnections() })
	if err != nil {
		return nil, err
	}
	capabilities, err := lru.New[string, capability](maxCapabilities)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	c := &Client{o: o, rules: rules, gate: fair.New(o.MaxConcurrent), maxMeeting: maxMeeting, memory: newMemory(o.ConditionalBytes), hosts: hosts, capabilities: capabilities}
	c.base, c.stop = context.WithCancel(context.Background())
	return c, nil
}

func (l Limits) validate() error {
	var errs []error
	for name, n := range map[string]int64{
		"manifest bytes": l.ManifestBytes, "blob bytes": l.BlobBytes, "index bytes": l.IndexBytes,
		"referrer pages": int64(l.ReferrerPages), "referrers": int64(l.Referrers),
	} {
		if n < 0 {
			errs = append(errs, fmt.Errorf("limit of %s: %d must not be negative", name, n))
		}
	}
	return errors.Join(errs...)
}

// Close ends background token requests and drops idle connections. Requests
// under way go on.
func (c *Client) Close() error {
	c.stop()
	for i := range c.rules {
		c.rules[i].transport.CloseIdleConnections()
		c.rules[i].public.CloseIdleConnections()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hosts.Values() {
		h.transport.CloseIdleConnections()
	}
	return nil
}

// admit refuses a reference the operator's allow-list does not name, and one that
// has no repository.
func (c *Client) admit(ref reference.Reference) error {
	if ref.Registry == "" || ref.Repository == "" {
		return &Error{Code: report.InvalidReference, Err: errors.New("the reference names no repository")}
	}
	if Allows(c.o.Allowed, ref) {
		return nil
	}
	return &Error{
		Code: report.RegistryNotAllowed, Host: ref.Registry,
		Err: fmt.Errorf("%s is not among the allowed registries; to allow it, add it to allowed_registries", ref.Name()),
	}
}

// Allows reports whether ref is in one of the scopes of an allow-list, or the list is
// empty.
func Allows(allowed []reference.Scope, ref reference.Reference) bool {
	return len(allowed) == 0 || slices.ContainsFunc(allowed, func(s reference.Scope) bool { return s.Match(ref) })
}
