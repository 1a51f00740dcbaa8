// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// credentials translates where a store has its credentials from. Credentials
// themselves are never copied.
func (t *translator) credentials(v source.Value) {
	if !v.Exists() {
		return
	}
	name := v.Get("name")
	if !name.Exists() {
		name = v.Get("provider")
	}
	switch strings.ToLower(name.Text()) {
	case "dockerconfig", "":
		t.dockerConfig(v)
	case "static":
		t.static(v)
	default:
		t.provider(v, name)
	}
}

func (t *translator) dockerConfig(v source.Value) {
	path := v.Get("configPath")
	if path.Text() == "" {
		return
	}
	t.variables(nil, path)
	t.plan.configuration.dockerPath = commented.Text(t.expand(path.Text()), path.From())
	path.Add(finding.Note, "has to be there when opa-ratify starts", "mount the file")
}

// static has the credentials in the resource.
func (t *translator) static(v source.Value) {
	empty := v.Get("username").Text() == "" && v.Get("password").Text() == ""
	v.Skip()
	if !empty {
		v.Add(finding.NoCounterpart, "credentials are not copied", "put them into Docker's config.json and name that in plugins.ratify.docker_config.path")
	}
}

// provider translates a provider that has an entry of its own here, whose settings
// have Ratify's names too.
func (t *translator) provider(v, name source.Value) {
	entry := commented.Map(commented.Entry{Key: "provider", Value: commented.Text(ours(name.Text()), name.From())})
	for _, p := range v.Pairs() {
		switch {
		case p.Value.Node() == name.Node() || !p.Value.Exists():
		case secret(p.Key):
			p.Value.Skip()
			p.Value.Add(finding.NoCounterpart, "may be a credential and was not copied", "")
		case p.Key == "secretTimeout":
			if n, ok := p.Value.Int(); ok && n > 0 {
				commented.Set(entry, "refresh_interval", commented.Text(fmt.Sprintf("%ds", n), p.Value.From()), "")
			}
		case p.Key == "identityBinding":
			if p.Value.Get("enabled").Bool(false) {
				commented.Set(entry, "method", commented.Text("identity_binding", p.Value.From()), "")
			}
		default:
			commented.Set(entry, p.Key, t.copied(nil, p.Value), p.Value.From())
		}
	}
	if wrong := t.problem("credentials", entry); wrong != "" {
		v.Mistake(fmt.Sprintf("credential provider %q: %s; until that is corrected, registries are asked with Docker's config.json, or anonymously", name.Text(), wrong),
			"see builtins/plugin/README.md, Credentials")
		return
	}
	t.plan.configuration.credentials = append(t.plan.configuration.credentials, entry)
}

func secret(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{"password", "token", "accesskey", "credential", "privatekey"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// ours is the name of a provider of the second generation here. Those of the first
// are known as they are.
func ours(name string) string {
	switch strings.ToLower(name) {
	case "azure":
		return string(config.CredentialAzure)
	case "aws":
		return string(config.CredentialAWS)
	case "alibabacloud":
		return string(config.CredentialAlibaba)
	}
	return name
}

// settings takes over what the set implies for the configuration.
func (t *translator) settings() {
	for _, s := range t.set.Settings {
		if !plausible(s) {
			s.At.Add(finding.NoCounterpart, "lies outside of what the setting "+s.Path+" allows; the default stays", "")
			continue
		}
		t.plan.configuration.settings = append(t.plan.configuration.settings, s)
	}
}

// plausible: timeouts are a minute at most.
func plausible(s resource.Setting) bool {
	const longest = 60_000 // milliseconds
	var n int
	if _, err := fmt.Sscanf(s.Text, "%dms", &n); err != nil {
		return true
	}
	return n > 0 && n <= longest
}
