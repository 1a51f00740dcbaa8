// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// keyVault makes a key vault an entry of key_providers, once. It returns what is
// wrong with it, "" if nothing is.
func (t *translator) keyVault(d *Document, name string, p resource.KeyProvider) string {
	c := &t.plan.configuration
	if wrong, known := c.vaults[name]; known {
		return wrong
	}
	entry := commented.Map(
		commented.Entry{Key: "name", Value: commented.Text(name, p.At.From())},
		commented.Entry{Key: "type", Value: commented.Text(p.Type, p.At.From())},
		commented.Entry{Key: "refresh_interval", Value: interval(p.Refresh)},
	)
	for _, s := range []struct{ ours, theirs string }{
		{"vault_uri", "vaultURI"},
		{"vault_uri", "vaultURL"},
		{"tenant_id", "tenantID"},
		{"client_id", "clientID"},
	} {
		if v := p.Parameters.Get(s.theirs); v.Exists() {
			t.variables(d, v)
			commented.Set(entry, s.ours, commented.Text(v.Text(), v.From()), "")
		}
	}
	for _, list := range []string{"certificates", "keys"} {
		objects := commented.List()
		for _, item := range p.Parameters.Get(list).List() {
			objects.Content = append(objects.Content, t.object(d, item))
		}
		if len(objects.Content) > 0 {
			commented.Set(entry, list, objects, "")
		}
	}
	wrong := t.problem("key_providers", entry)
	if c.vaults == nil {
		c.vaults = map[string]string{}
	}
	if c.vaults[name] = wrong; wrong != "" {
		p.At.Mistake(fmt.Sprintf("key provider %q: %s; images that need its keys or certificates are denied", p.Type, wrong), "see builtins/plugin/README.md, Key providers")
		return wrong
	}
	p.At.Add(finding.Note, "is asked where opa-ratify runs, as the identity of its pod", "")
	c.keyProviders = append(c.keyProviders, entry)
	return ""
}

// object is {name, version} of a certificate or key; no version is the current one.
func (t *translator) object(d *Document, item source.Value) *commented.Node {
	m := commented.Map()
	for _, key := range []string{"name", "version"} {
		if v := item.Get(key); v.Text() != "" {
			t.variables(d, v)
			commented.Set(m, key, commented.Text(v.Text(), v.From()), "")
		}
	}
	return m
}

// interval is the time between two fetches, within what key_providers allow.
func interval(v source.Value) *commented.Node {
	const shortest, longest = 10 * time.Second, 24 * time.Hour
	if v.Text() == "" {
		return nil
	}
	given, err := time.ParseDuration(v.Text())
	switch used := min(max(given, shortest), longest); {
	case err != nil:
		v.Mistake("is not a duration", `write "1h"`)
		return nil
	case used != given:
		v.Add(finding.Note, fmt.Sprintf("keys are fetched every %v: services throttle, and bill", used), "")
		return commented.Text(used.String(), v.From())
	}
	return commented.Text(v.Text(), v.From())
}
