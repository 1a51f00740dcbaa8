// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

func (c *Config) checkKeyProviders(d *decoder) {
	seen := map[string]bool{}
	for i := range c.KeyProviders {
		p, path := &c.KeyProviders[i], fmt.Sprintf("%s.key_providers[%d]", section, i)
		switch {
		case p.Name == "":
			d.missing(path, "name", "what trust documents call it")
		case seen[p.Name]:
			d.report(path+".name", "%s is also that of an earlier entry; give each its own", quote(p.Name))
		}
		seen[p.Name] = true
		p.checkTimes(d, path)
		p.readURI(d, path)
		p.checkType(d, path)
	}
}

func (p *KeyProvider) checkTimes(d *decoder, path string) {
	p.RefreshInterval = cmp.Or(p.RefreshInterval, defaultKeyRefresh)
	p.MaxStale = cmp.Or(p.MaxStale, defaultKeyMaxStale)
	for _, t := range []struct {
		name            string
		value, min, max time.Duration
	}{
		{"refresh_interval", p.RefreshInterval, 10 * time.Second, 24 * time.Hour},
		{"max_stale", p.MaxStale, time.Second, 30 * 24 * time.Hour},
	} {
		if t.value < t.min || t.value > t.max {
			d.report(path+"."+t.name, "%v: out of range; write %v to %v", t.value, t.min, t.max)
		}
	}
}

func (p *KeyProvider) checkType(d *decoder, path string) {
	switch p.Type {
	case KeysInline:
		listed(d, path, p.Inline.Keys, func(k InlineKey) string { return k.Name })
		for i, k := range p.Inline.Keys {
			checkInline(d, fmt.Sprintf("%s.keys[%d].value", path, i), k.Value)
		}
	case KeysFile:
		if p.File.Path == "" {
			d.missing(path, "path", "a file or a directory")
		}
	case KeysURL:
		p.URL.check(d, path)
	case KeysKubernetes:
		p.Kubernetes.check(d, path)
	case KeysVault:
		p.Vault.check(d, path)
	case KeysAzure:
		p.Azure.check(d, path)
	case KeysAlibaba:
		p.Alibaba.check(d, path)
	case KeysAWS:
		p.AWS.check(d, path)
	case KeysGoogle:
		checkCloudKeys(d, path, p.Google.Keys)
	default: // reported as a choice
	}
}

// listed wants at least one key, and names that tell them apart.
func listed[K any](d *decoder, path string, keys []K, name func(K) string) {
	if len(keys) == 0 {
		d.missing(path, "keys", "the keys that trust documents may name")
	}
	seen := map[string]bool{}
	for i, k := range keys {
		at, n := fmt.Sprintf("%s.keys[%d]", path, i), name(k)
		switch {
		case n == "":
			d.missing(at, "name", "what trust documents call it")
		case seen[n]:
			d.report(at+".name", "%s is also that of an earlier key; give each its own", quote(n))
		}
		seen[n] = true
	}
}

// checkInline never repeats the content.
func checkInline(d *decoder, path, value string) {
	switch {
	case strings.Contains(value, "PRIVATE KEY-----"):
		d.report(path, "holds a private key; a provider gives certificates and public keys, and this one should be considered leaked")
	case !strings.Contains(value, "-----BEGIN "):
		d.report(path, "is not PEM; write -----BEGIN CERTIFICATE----- or -----BEGIN PUBLIC KEY-----")
	}
}

func (u *URLKeys) check(d *decoder, path string) {
	listed(d, path, u.Keys, func(k URLKey) string { return k.Name })
	for i, k := range u.Keys {
		at := fmt.Sprintf("%s.keys[%d]", path, i)
		if parsed, err := url.Parse(k.URL); err != nil || parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil {
			d.report(at+".url", "is not an https URL without user information")
		}
		if raw, err := hex.DecodeString(k.SHA256); err != nil || len(raw) != 32 {
			d.report(at+".sha256", "is not a digest; write the 64 hex digits that sha256sum prints")
		}
	}
	u.CertificateAuthorities = loadCAFile(d, path+".ca_file", u.CAFile)
}

func (k *KubernetesKeys) check(d *decoder, path string) {
	listed(d, path, k.Keys, func(k KubernetesKey) string { return k.Name })
	for i, key := range k.Keys {
		at := fmt.Sprintf("%s.keys[%d]", path, i)
		if (key.Secret == "") == (key.ConfigMap == "") {
			d.report(at, "needs exactly one of secret and config_map")
		}
		if key.Key == "" {
			d.missing(at, "key", "the key in the object's data")
		}
	}
}

func (v *VaultKeys) check(d *decoder, path string) {
	listed(d, path, v.Keys, func(name string) string { return name })
	if problem := checkService(v.Address); problem != "" {
		d.report(path+".address", "%s", problem)
	}
	v.CertificateAuthorities = loadCAFile(d, path+".ca_file", v.CAFile)
	a, at := v.Auth, path+".auth"
	if ways := count(a.TokenFile != "", a.TokenEnv != "", a.KubernetesRole != "", a.RoleIDFile != ""); ways != 1 {
		d.report(at, "has %d of token_file, token_env, kubernetes_role and role_id_file; write exactly one", ways)
	}
	if (a.RoleIDFile == "") != (a.SecretIDFile == "") {
		d.report(at, "needs role_id_file and secret_id_file together")
	}
	checkSecretEnv(d, at+".token_env", a.TokenEnv)
}

// checkService says what is wrong with the URL of a key service, "" if nothing
// is. Its tokens go there, so clear text is for this machine only.
func checkService(address string) string {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return "is missing; write the URL of the server"
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "":
		return "is not a URL without user information and query"
	case u.Scheme == "https":
		return ""
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	}
	return quote(address) + ": tokens would be sent in the clear; write https"
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
