// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// check finds what is well-formed and still wrong, canonicalises hosts, and
// loads CA files.
func (c *Config) check(d *decoder) {
	for i := range c.Registries {
		c.Registries[i].check(d, fmt.Sprintf("%s.registries[%d]", section, i))
		c.checkOnce(d, i)
	}
	c.DockerConfig.check(d, section+".docker_config")
	c.checkCredentials(d)
	c.checkKeyProviders(d)
	c.Resources.check(d, section+".resources")
	c.Notation.check(d, section+".notation")
	c.Cache.Redis.check(d, section+".cache.redis")
	c.checkNumbers(d)
	c.checkDurations(d)
}

func (r *Registry) check(d *decoder, path string) {
	r.checkMatch(d, path)
	if r.PlainHTTP && r.Match == "*" {
		d.report(path+".plain_http", `would send credentials and content of every registry in the clear; name the registry in match instead of "*"`)
	}
	if r.PlainHTTP && (r.CA != "" || r.CAFile != "") {
		d.report(path+".plain_http", "is set beside a CA; remove one of them")
	}
	for i, m := range r.Mirrors {
		r.Mirrors[i] = checkMirror(d, fmt.Sprintf("%s.mirrors[%d]", path, i), m)
	}
	for i, h := range r.TrustedRealms {
		r.TrustedRealms[i] = checkHost(d, fmt.Sprintf("%s.trusted_realms[%d]", path, i), h)
	}
	r.loadCAs(d, path)
}

func (r *Registry) checkMatch(d *decoder, path string) {
	if r.Match == "" {
		d.missing(path, "match", `a host[:port], "*.host" or "*"`)
		return
	}
	r.Match = checkPattern(d, path+".match", r.Match)
}

// checkPattern returns the canonical form of a host[:port], "*.host" or "*".
func checkPattern(d *decoder, path, pattern string) string {
	if pattern == "*" {
		return pattern
	}
	if host, wild := strings.CutPrefix(pattern, "*."); wild {
		return "*." + checkHost(d, path, host)
	}
	return checkHost(d, path, pattern)
}

// missing reports a required setting that is not there.
func (d *decoder) missing(path, name, write string) {
	d.lines[path+"."+name] = d.lines[path]
	d.report(path+"."+name, "is missing; write %s", write)
}

// checkOnce reports a match that an earlier entry has too.
func (c *Config) checkOnce(d *decoder, i int) {
	for j, earlier := range c.Registries[:i] {
		if m := c.Registries[i].Match; m == earlier.Match && m != "" {
			d.report(fmt.Sprintf("%s.registries[%d].match", section, i), "%q is also that of registries[%d]; remove one", m, j)
			return
		}
	}
}

// checkHost returns the canonical form of a host[:port].
func checkHost(d *decoder, path, host string) string {
	if problem := foreign(host); problem != "" {
		d.report(path, "%s", problem)
		return host
	}
	canonical, err := reference.CanonicalRegistry(host)
	if err != nil {
		d.report(path, "%s: not a host[:port]: %v", quote(host), err)
		return host
	}
	return canonical
}

func checkMirror(d *decoder, path, mirror string) string {
	host, prefix, found := strings.Cut(mirror, "/")
	if problem := foreign(mirror); problem != "" {
		d.report(path, "%s", problem)
		return mirror
	}
	host = checkHost(d, path, host)
	if !found {
		return host
	}
	if _, err := reference.ParseScope(host + "/" + prefix); err != nil || strings.Contains(prefix, "*") {
		d.report(path, `%s: not a host[:port][/prefix]; the prefix is lower-case path segments, "mirror.example/dockerhub"`, quote(mirror))
	}
	return host + "/" + prefix
}

// foreign recognises a URL in place of a host. What stands before an @ may be a
// password and is not repeated.
func foreign(host string) string {
	switch {
	case strings.Contains(host, "@"):
		return "holds user information before an @; write the host alone, credentials belong in Docker's config.json (docker_config.path)"
	case strings.Contains(host, "://"):
		return fmt.Sprintf("%s has a scheme; write the host alone (plain_http chooses HTTP)", quote(host))
	default:
		return ""
	}
}

func (r *Registry) loadCAs(d *decoder, path string) {
	if r.CA != "" {
		if err := checkPEM([]byte(r.CA)); err != nil {
			d.report(path+".ca", "%v", err)
		}
		r.CertificateAuthorities = append(r.CertificateAuthorities, r.CA+"\n"...)
	}
	r.CertificateAuthorities = append(r.CertificateAuthorities, loadCAFile(d, path+".ca_file", r.CAFile)...)
}

// loadCAFile returns the content of a CA file, nil without one.
func loadCAFile(d *decoder, path, file string) []byte {
	if file == "" {
		return nil
	}
	raw, err := readFile(file)
	if err == nil {
		err = checkPEM(raw)
	}
	if err != nil {
		d.report(path, "%s: %v", quote(file), err)
		return nil
	}
	return raw
}

// checkPEM wants certificates and nothing else. It never repeats the content: it
// may be a private key pasted by mistake.
func checkPEM(raw []byte) error {
	if strings.Contains(string(raw), "PRIVATE KEY-----") {
		return errors.New("holds a private key; a CA is named by its certificate alone, and the key should be considered leaked")
	}
	count := 0
	for block, rest := pem.Decode(raw); ; block, rest = pem.Decode(rest) {
		switch {
		case block == nil && count == 0:
			return errors.New("no certificate in it; expected PEM, -----BEGIN CERTIFICATE-----")
		case block == nil && strings.Contains(string(rest), "-----BEGIN"):
			return fmt.Errorf("PEM block %d is cut short or damaged", count+1)
		case block == nil:
			return nil
		case block.Type != "CERTIFICATE":
			return fmt.Errorf("PEM block %d is a %q; expected CERTIFICATE", count+1, block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("certificate %d: %w", count+1, err)
		}
		count++
	}
}

func (c *DockerConfig) check(d *decoder, path string) {
	if c.Disabled && (c.Path != "" || c.Helpers) {
		d.report(path+".disabled", "is true beside path or helpers; remove one of them")
	}
	if c.Path == "" {
		return
	}
	if _, err := readFile(c.Path); err != nil {
		d.report(path+".path", "%s: %v; name Docker's config.json itself", quote(c.Path), err)
	}
}

func (c *Notation) check(d *decoder, path string) {
	if c.Disabled && c.ConfigDir != "" {
		d.report(path+".disabled", "is true beside config_dir; remove one of them")
	}
	if c.ConfigDir == "" {
		return
	}
	if info, err := os.Stat(c.ConfigDir); err != nil || !info.IsDir() {
		d.report(path+".config_dir", "%s: no such directory; name the one that holds trustpolicy.json", quote(c.ConfigDir))
	}
}

func (c *Config) checkNumbers(d *decoder) {
	l, g := c.Limits, c.Gatekeeper
	for _, n := range []struct {
		path            string
		value, min, max int64
	}{
		{"limits.manifest_bytes", int64(l.ManifestBytes), 1 << 10, 1 << 30},
		{"limits.blob_bytes", int64(l.BlobBytes), 1 << 10, 1 << 30},
		{"limits.referrers", int64(l.Referrers), 1, 1_000_000},
		{"limits.referrer_pages", int64(l.ReferrerPages), 1, 10_000},
		{"limits.signatures", int64(l.Signatures), 1, 10_000},
		{"limits.total_bytes", int64(l.TotalBytes), int64(l.ManifestBytes), 1 << 34},
		{"limits.concurrent_verifications", int64(l.ConcurrentVerifications), 1, 10_000},
		{"limits.concurrent_requests", int64(l.ConcurrentRequests), 1, 100_000},
		{"cache.content_bytes", int64(c.Cache.ContentBytes), 0, 1 << 40},
		{"cache.directory_bytes", int64(c.Cache.DirectoryBytes), 1 << 20, 1 << 50},
		{"cache.report_bytes", int64(c.Cache.ReportBytes), 0, 1 << 40},
		{"cache.redis.connections", int64(c.Cache.Redis.Connections), 1, 1000},
		{"cache.redis.value_bytes", int64(c.Cache.Redis.ValueBytes), 1 << 10, 64 << 20},
		{"cache.entries", int64(c.Cache.Entries), 1, 10_000_000},
		{"revocation.cache_bytes", int64(c.Revocation.CacheBytes), 0, 1 << 40},
		{"gatekeeper.max_keys", int64(g.MaxKeys), 1, 100_000},
		{"gatekeeper.max_body_bytes", int64(g.MaxBodyBytes), 1 << 10, 1 << 30},
		{"gatekeeper.concurrency", int64(g.Concurrency), 1, 1000},
	} {
		if n.value < n.min || n.value > n.max {
			d.report(section+"."+n.path, "%d: out of range; write %d to %d", n.value, n.min, n.max)
		}
	}
	for i := range c.Registries {
		n := &c.Registries[i].MaxConcurrentRequests
		if *n < 0 || *n > 10_000 {
			d.report(fmt.Sprintf("%s.registries[%d].max_concurrent_requests", section, i), "%d: out of range; write 0 (64) to 10000", *n)
		}
		*n = cmp.Or(*n, defaultConcurrentRequests)
	}
}

func (c *Config) checkDurations(d *decoder) {
	const shortest = time.Millisecond
	for _, t := range []struct {
		path            string
		value, min, max time.Duration
	}{
		{"timeout", c.Timeout, shortest, 10 * time.Minute},
		{"cache.tag_ttl", c.Cache.TagTTL, 0, time.Hour},
		{"cache.referrers_ttl", c.Cache.ReferrersTTL, 0, time.Hour},
		{"cache.stale_while_revalidate", c.Cache.StaleWhileRevalidate, 0, 24 * time.Hour},
		{"cache.max_stale", c.Cache.MaxStale, 0, 30 * 24 * time.Hour},
		{"cache.redis.timeout", c.Cache.Redis.Timeout, shortest, time.Second}, // a cache that is slower than registries is none
		{"cache.failure_ttl", c.Cache.FailureTTL, 0, 10 * time.Second},        // a registry's bad minute must not outlive it
		{"revocation.timeout", c.Revocation.Timeout, shortest, time.Minute},
		{"gatekeeper.timeout", c.Gatekeeper.Timeout, shortest, time.Minute},
		{"gatekeeper.mutation_timeout", c.Gatekeeper.MutationTimeout, shortest, time.Minute},
	} {
		if t.value < t.min || t.value > t.max {
			d.report(section+"."+t.path, "%v: out of range; write %v to %v", t.value, t.min, t.max)
		}
	}
}
