// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/open-policy-agent/opa/v1/config"
	"github.com/open-policy-agent/opa/v1/topdown/cache"

	settings "github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/plugin/gatekeeper"
)

// Caches hands the caches of OPA's server from the hooks to the plugin.
type Caches = gatekeeper.Caches

// Ensure is a hook that puts "plugins.ratify: {}" into a configuration without
// it: OPA creates a plugin only if its section is there. Register a pointer.
type Ensure struct{}

// OnConfig changes c itself: OPA does not keep what a hook returns.
func (*Ensure) OnConfig(_ context.Context, c *config.Config) (*config.Config, error) {
	return ensure(c), nil
}

// OnConfigDiscovery does the same for a configuration that was discovered.
func (*Ensure) OnConfigDiscovery(_ context.Context, c *config.Config) (*config.Config, error) {
	return ensure(c), nil
}

func ensure(c *config.Config) *config.Config {
	if c.Plugins == nil {
		c.Plugins = map[string]json.RawMessage{}
	}
	if _, ok := c.Plugins[Name]; !ok {
		c.Plugins[Name] = json.RawMessage("{}")
	}
	return c
}

// Once is a hook that refuses a configuration file which says something about the
// plugin twice. OPA keeps the last of a key and tells nobody: of two versions of a
// signing key one would be trusted no more, or the wrong one still. Register a pointer.
type Once struct {
	// File is the path of the file that OPA reads, "" if there is none. Required.
	File func() string
}

// OnConfig is called whenever OPA has read its configuration.
func (h *Once) OnConfig(_ context.Context, c *config.Config) (*config.Config, error) {
	path := h.File()
	if path == "" {
		return c, nil
	}
	if err := settings.CheckFile(path); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// QueryCacheHook takes the server's cache of http.send and its kin. It is a type
// of its own because OPA gives a value that implements both cache hooks only
// one. Register a pointer.
type QueryCacheHook struct {
	// Caches receives it. Required.
	Caches *Caches
}

// OnInterQueryCache is called when OPA's server starts.
func (h *QueryCacheHook) OnInterQueryCache(_ context.Context, c cache.InterQueryCache) error {
	h.Caches.SetQuery(c)
	return nil
}

// ValueCacheHook takes the server's cache of compiled values. Register a
// pointer.
type ValueCacheHook struct {
	// Caches receives it. Required.
	Caches *Caches
}

// OnInterQueryValueCache is called when OPA's server starts.
func (h *ValueCacheHook) OnInterQueryValueCache(_ context.Context, c cache.InterQueryValueCache) error {
	h.Caches.SetValue(c)
	return nil
}
