// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// vault is an entry of key_providers for Azure Key Vault.
type vault struct {
	name, from         string
	access             *commented.Node // where, as whom, how often
	certificates, keys []*commented.Node
}

// keyVault makes a provider an entry of key_providers. It returns its name, by which
// documents name it, and what is wrong with it, "" if nothing is. A variable that
// was not replaced is said of the document.
func (t *translator) keyVault(d *Document, p resource.KeyProvider) (name, wrong string) {
	v := vault{name: t.providerName(p), from: p.At.From(), access: commented.Map()}
	uri := p.Parameters.Get("vaultURI")
	if !uri.Exists() {
		uri = p.Parameters.Get("vaultURL")
	}
	t.variables(d, uri)
	t.setting(v.access, "vault_uri", uri)
	t.setting(v.access, "tenant_id", p.Parameters.Get("tenantID"))
	t.setting(v.access, "client_id", p.Parameters.Get("clientID"))
	t.refresh(v.access, p.Refresh)
	certificates, keys := p.Parameters.Get("certificates").List(), p.Parameters.Get("keys").List()
	v.certificates, v.keys = united(nil, t.objects(certificates)), united(nil, t.objects(keys))
	unknown := len(certificates)+len(keys) > 0 && len(v.certificates)+len(v.keys) == 0
	if unknown || variable(uri.Text()) != "" {
		return v.name, ""
	}
	if wrong := t.problem("key_providers", v.entry()); wrong != "" {
		p.At.Mistake(fmt.Sprintf("key provider %q: %s; images that need its keys or certificates are denied", p.Type, wrong), "see builtins/plugin/README.md, Key providers")
		return v.name, wrong
	}
	return t.asked(v, p.At), ""
}

// objects are the certificates or keys of which everything is known; no version is
// the current one.
func (t *translator) objects(listed []source.Value) []*commented.Node {
	var all []*commented.Node
	for _, item := range listed {
		object, name, version := commented.Map(), item.Get("name"), item.Get("version")
		t.setting(object, "name", name)
		t.setting(object, "version", version)
		if variable(name.Text()+version.Text()) == "" {
			all = append(all, object)
		}
	}
	return all
}

// refresh copies the time between two fetches, within what key_providers allow.
func (t *translator) refresh(access *commented.Node, v source.Value) {
	const soonest, latest = 10 * time.Second, 24 * time.Hour
	text := t.settled(v)
	if text == "" {
		return
	}
	given, err := time.ParseDuration(text)
	if err != nil || given <= 0 {
		v.Mistake("is not a duration; the vault is asked every hour", `write "1h"`)
		return
	}
	if used := min(max(given, soonest), latest); used != given {
		v.Add(finding.Note, fmt.Sprintf("the vault is asked every %v: between %v and %v are possible", used, soonest, latest), "")
		text = used.String()
	}
	commented.Set(access, "refresh_interval", commented.Text(text, v.From()), "")
}

// asked adds a vault, or what is new of it to the one of its name that is asked in
// the same way, if one provider can give both. It returns the provider's name.
func (t *translator) asked(v vault, at source.Value) string {
	c, name := &t.plan.configuration, v.name
	for n := 2; ; n++ {
		i := slices.IndexFunc(c.vaults, func(known vault) bool { return known.name == v.name })
		if i < 0 {
			at.Add(finding.Note, "the vault is asked as the pod that opa-ratify runs in, not as Ratify's",
				azurePod)
			c.vaults = append(c.vaults, v)
			return v.name
		}
		if both, more := c.vaults[i].with(v); same(both.access, v.access) && (!more || t.problem("key_providers", both.entry()) == "") {
			c.vaults[i] = both
			return v.name
		}
		v.name = numbered(name, n)
	}
}

// with is a vault with the objects of another, and whether there are more then.
func (v vault) with(other vault) (both vault, more bool) {
	before := len(v.certificates) + len(v.keys)
	v.certificates, v.keys = united(v.certificates, other.certificates), united(v.keys, other.keys)
	return v, len(v.certificates)+len(v.keys) > before
}

func united(a, b []*commented.Node) []*commented.Node {
	all := slices.Clone(a)
	for _, object := range b {
		if !slices.ContainsFunc(all, func(known *commented.Node) bool { return same(known, object) }) {
			all = append(all, object)
		}
	}
	return all
}

// entry is the vault as it is written.
func (v vault) entry() *commented.Node {
	e := commented.Map(
		commented.Entry{Key: "name", Value: commented.Text(v.name, v.from)},
		commented.Entry{Key: "type", Value: commented.Text(string(config.KeysAzure), v.from)},
	)
	e.Content = append(e.Content, v.access.Content...)
	setList(e, "certificates", v.certificates)
	setList(e, "keys", v.keys)
	return e
}

func (c *configuration) vaultEntries() []*commented.Node {
	var all []*commented.Node
	for _, v := range c.vaults {
		all = append(all, v.entry())
	}
	return all
}

// versionOf is a version as documents write it: of an identifier
// "https://VAULT/keys/NAME/VERSION" the last part.
func versionOf(text string) string {
	if u, err := url.Parse(text); err == nil && u.Scheme == "https" {
		parts := strings.Split(strings.Trim(u.Path, "/"), "/")
		return parts[len(parts)-1]
	}
	return text
}
