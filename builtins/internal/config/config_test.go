// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

func TestEmptySectionIsDefault(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "{}", "null", "# nothing\n", "cache:\nlimits: {}\n"} {
		got, err := config.Parse([]byte(raw))
		if err != nil {
			t.Fatalf("Parse(%q): %v", raw, err)
		}
		if diff := cmp.Diff(config.Default(), got); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", raw, diff)
		}
	}
}

func TestParseReadsEverySetting(t *testing.T) {
	t.Parallel()
	ca := certificate(t)
	docker := file(t, "config.json", []byte("{}"))
	key := strings.Repeat("k", 32)
	redis := config.Redis{
		URL: "rediss://cache.example/3", CAFile: file(t, "redis.pem", ca), Username: "ratify", PasswordFile: file(t, "password", []byte("geheim")),
		HMACKeyFile: file(t, "key", []byte(key+"\n")), Prefix: "team:", Timeout: 80 * time.Millisecond, Connections: 3, ValueBytes: 1 << 20,
		Server:  &config.RedisServer{Host: "cache.example", Address: "cache.example:6379", Database: 3, TLS: true},
		HMACKey: []byte(key), CertificateAuthorities: ca,
	}
	raw := `
registries:
  - match: Registry.Example:443
    ca_file: ` + file(t, "ca.pem", ca) + `
    mirrors: [Mirror.example/prefix]
    trusted_realms: [AUTH.example]
    max_concurrent_requests: 4
  - {match: "*.Example", plain_http: true}
  - {match: "*"}
allowed_registries: ["registry.example/team"]
docker_config: {path: ` + docker + `, helpers: true}
resources: {watch: kubernetes, kubeconfig: /etc/kubeconfig, namespaces: [team], namespaced: replace, resync: 1h}
outbound: {allow: [10.0.0.0/8, fd00::1]}
limits: {manifest_bytes: 1MiB, blob_bytes: 2048, referrers: 1, referrer_pages: 2, signatures: 3, total_bytes: 1GiB, concurrent_verifications: 4, concurrent_requests: 5}
cache: {content_bytes: 0, directory: /var/cache/ratify, directory_bytes: 2MiB, entries: 1, tag_ttl: 1s, referrers_ttl: 0s, stale_while_revalidate: 5m, max_stale: 48h, report_bytes: 3KiB, failure_ttl: 3s,
  redis: {url: "rediss://cache.example/3", ca_file: ` + redis.CAFile + `, username: ratify, password_file: ` + redis.PasswordFile + `, hmac_key_file: ` + redis.HMACKeyFile + `,
    prefix: "team:", timeout: 80ms, connections: 3, value_bytes: 1MiB}}
timeout: 4s
notation: {config_dir: ` + t.TempDir() + `}
revocation: {timeout: 5s, cache_bytes: 64KiB}
gatekeeper: {undecided: item, mutation: tag_and_digest, timeout: 1s, mutation_timeout: 2s, max_keys: 7, max_body_bytes: 8KiB, concurrency: 9}
metrics: {workload_namespace: true}
`
	got, err := config.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Config{
		Registries: []config.Registry{{
			Match: "registry.example", CAFile: got.Registries[0].CAFile, CertificateAuthorities: ca,
			Mirrors: []string{"mirror.example/prefix"}, TrustedRealms: []string{"auth.example"}, MaxConcurrentRequests: 4,
		}, {
			Match: "*.example", PlainHTTP: true, MaxConcurrentRequests: 64,
		}, {
			Match: "*", MaxConcurrentRequests: 64,
		}},
		DockerConfig: config.DockerConfig{Path: docker, Helpers: true},
		Resources:    config.Resources{Watch: "kubernetes", Kubeconfig: "/etc/kubeconfig", Namespaces: []string{"team"}, Namespaced: config.NamespacedReplace, Resync: time.Hour},
		Outbound:     config.Outbound{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::1/128")}},
		Limits:       config.Limits{ManifestBytes: 1 << 20, BlobBytes: 2048, Referrers: 1, ReferrerPages: 2, Signatures: 3, TotalBytes: 1 << 30, ConcurrentVerifications: 4, ConcurrentRequests: 5},
		Cache: config.Cache{
			Directory: "/var/cache/ratify", DirectoryBytes: 2 << 20,
			Entries: 1, TagTTL: time.Second, StaleWhileRevalidate: 5 * time.Minute, MaxStale: 48 * time.Hour, ReportBytes: 3 << 10, FailureTTL: 3 * time.Second,
			Redis: redis,
		},
		Timeout:    4 * time.Second,
		Notation:   config.Notation{ConfigDir: got.Notation.ConfigDir},
		Revocation: config.Revocation{Timeout: 5 * time.Second, CacheBytes: 64 << 10},
		Gatekeeper: config.Gatekeeper{
			Undecided: config.UndecidedItem, Mutation: config.MutationTagAndDigest, Timeout: time.Second,
			MutationTimeout: 2 * time.Second, MaxKeys: 7, MaxBodyBytes: 8 << 10, Concurrency: 9,
		},
		Metrics: config.Metrics{WorkloadNamespace: true},
	}
	ignoreScopes := cmpopts.IgnoreFields(config.Config{}, "AllowedRegistries")
	if diff := cmp.Diff(want, got, ignoreScopes, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	app, err := reference.Parse("registry.example/team/app")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.AllowedRegistries) != 1 || !got.AllowedRegistries[0].Match(app) {
		t.Errorf("allowed_registries does not match %s", app)
	}
}

func TestParseReadsJSON(t *testing.T) {
	t.Parallel()
	got, err := config.Parse([]byte(`{"timeout":"3s","limits":{"blob_bytes":67108864},"registries":[{"match":"a.example"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Timeout != 3*time.Second || got.Limits.BlobBytes != 64<<20 || got.Registries[0].Match != "a.example" {
		t.Errorf("got %+v", got)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"typo", `timeuot: 1s`, `plugins.ratify.timeuot is not a setting; did you mean "timeout"?`},
		{"typo below a list", `registries: [{match: a.example, mirors: []}]`, `plugins.ratify.registries[0].mirors is not a setting; did you mean "mirrors"?`},
		{"no near key", `policy: x`, `plugins.ratify.policy is not a setting; known here are registries, allowed_registries`},
		{"key of another line", "key providers: x", `plugins.ratify."key providers" is not a setting`},
		{"key twice", `{timeout: 1s, timeout: 2s}`, `plugins.ratify.timeout appears twice; remove one`},
		{"alias", "registries: [&a {match: a.example}, *a]", `plugins.ratify.registries[1] is a YAML alias; write the value out`},
		{"two documents", "timeout: 1s\n---\ntimeout: 2s", `has a second YAML document`},
		{"no YAML", `{timeout: `, `plugins.ratify is not YAML: yaml: line 1`},
		{"list for object", `[]`, `plugins.ratify is a list; write an object with some of registries`},
		{"object for list", `registries: {match: a.example}`, `plugins.ratify.registries is an object; write a list`},
		{"object for scalar", `timeout: {}`, `plugins.ratify.timeout is an object; write a duration such as "2.8s"`},
		{"duration without unit", `timeout: 3`, `plugins.ratify.timeout "3": not a duration; write a number with a unit`},
		{"duration out of range", `timeout: 20m`, `plugins.ratify.timeout 20m0s: out of range; write 1ms to 10m0s`},
		{"failures kept too long", `cache: {failure_ttl: 1m}`, `plugins.ratify.cache.failure_ttl 1m0s: out of range; write 0s to 10s`},
		{"no URL of Redis", `cache: {redis: {url: "http://a"}}`, `plugins.ratify.cache.redis.url is not a URL of Redis; write redis://HOST:PORT/DATABASE`},
		{"password in the URL of Redis", `cache: {redis: {url: "redis://u:p@a"}}`, `plugins.ratify.cache.redis.url holds user information before an @; write username and password_file`},
		{"parameters for Redis", `cache: {redis: {url: "redis://a?db=1"}}`, `plugins.ratify.cache.redis.url has parameters; write the settings beside url`},
		{"database of Redis", `cache: {redis: {url: "redis://a/x"}}`, `plugins.ratify.cache.redis.url "/x" is not the number of a database`},
		{"Redis without password", `cache: {redis: {url: "redis://a", username: u}}`, `plugins.ratify.cache.redis.password_file is missing; write the file with the password of username`},
		{"Redis without URL", `cache: {redis: {password_file: /x}}`, `plugins.ratify.cache.redis.password_file is set without a url; write redis.url, or remove it`},
		{"Redis with a certificate alone", `cache: {redis: {url: "rediss://a", cert_file: /x}}`, `plugins.ratify.cache.redis needs cert_file and key_file together`},
		{"Redis with a short key", `cache: {redis: {url: "redis://a", hmac_key_file: ` + file(t, "short", []byte("0123456789")) + `}}`, `holds 10 bytes; write 32 or more that nobody can guess`},
		{"Redis with an empty file", `cache: {redis: {url: "redis://a", password_file: ` + file(t, "empty", []byte(" \n")) + `}}`, `it is empty`},
		{"TLS files without TLS", `cache: {redis: {url: "redis://a", ca_file: ` + file(t, "unused.pem", certificate(t)) + `}}`, `plugins.ratify.cache.redis.url is without TLS, beside files for TLS; write rediss://`},
		{"Redis too slow", `cache: {redis: {timeout: 2s}}`, `plugins.ratify.cache.redis.timeout 2s: out of range; write 1ms to 1s`},
		{"size with unknown unit", `cache: {content_bytes: 64MB}`, `plugins.ratify.cache.content_bytes "64MB": not a size; write bytes or "64KiB"`},
		{"negative size", `cache: {content_bytes: -1}`, `content_bytes "-1": not a size`},
		{"size overflow", `cache: {content_bytes: 9000000000GiB}`, `content_bytes "9000000000GiB": too large`},
		{"count zero", `limits: {signatures: 0}`, `plugins.ratify.limits.signatures 0: out of range; write 1 to 10000`},
		{"fraction", `limits: {signatures: 1.5}`, `plugins.ratify.limits.signatures "1.5": not a whole number`},
		{"text for bool", `docker_config: {helpers: "yes"}`, `plugins.ratify.docker_config.helpers "yes": not true or false`},
		{"number for text", `docker_config: {path: 1}`, `plugins.ratify.docker_config.path "1" is not text; put it in quotes`},
		{"null in a list", `outbound: {allow: [null]}`, `plugins.ratify.outbound.allow[0] is null`},
		{"enumeration", `gatekeeper: {undecided: deny}`, `plugins.ratify.gatekeeper.undecided "deny": not known; write system_error or item`},
		{"match missing", `registries: [{plain_http: true}]`, `plugins.ratify.registries[0].match is missing`},
		{"match with scheme", `registries: [{match: "https://a.example"}]`, `match "https://a.example" has a scheme; write the host alone`},
		{"match twice", `registries: [{match: a.example}, {match: "A.example:443"}]`, `plugins.ratify.registries[1].match "a.example" is also that of registries[0]; remove one`},
		{"wildcard inside", `registries: [{match: "a.*.example"}]`, `registries[0].match "a.*.example": not a host[:port]`},
		{"plain HTTP for all", `registries: [{match: "*", plain_http: true}]`, `registries[0].plain_http would send credentials`},
		{"plain HTTP with CA", `registries: [{match: a.example, plain_http: true, ca_file: /x}]`, `registries[0].plain_http is set beside a CA`},
		{"CA file missing", `registries: [{match: a.example}, {match: b.example, ca_file: /does/not/exist}]`, `plugins.ratify.registries[1].ca_file "/does/not/exist": no such file; correct the path or mount the file`},
		{"CA file is a directory", `registries: [{match: a.example, ca_file: /}]`, `registries[0].ca_file "/": not a regular file`},
		{"CA is text", `registries: [{match: a.example, ca: hello}]`, `registries[0].ca no certificate in it; expected PEM`},
		{"CA is damaged", `registries: [{match: a.example, ca: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}]`, `registries[0].ca certificate 1: x509`},
		{"mirror with upper-case path", `registries: [{match: a.example, mirrors: [b.example/Hub]}]`, `mirrors[0] "b.example/Hub": not a host[:port][/prefix]`},
		{"realm with path", `registries: [{match: a.example, trusted_realms: [b.example/token]}]`, `trusted_realms[0] "b.example/token": not a host[:port]`},
		{"scope with tag", `allowed_registries: ["a.example/app:v1"]`, `plugins.ratify.allowed_registries[0] "a.example/app:v1": `},
		{"network unmasked", `outbound: {allow: [10.1.0.0/8]}`, `plugins.ratify.outbound.allow[0] "10.1.0.0/8": has bits beside the network; write "10.0.0.0/8"`},
		{"every network", `outbound: {allow: ["0.0.0.0/0"]}`, `allows every address`},
		{"no network", `outbound: {allow: [intranet]}`, `not a network; write "10.0.0.0/8"`},
		{"docker config contradicts", `docker_config: {disabled: true, helpers: true}`, `plugins.ratify.docker_config.disabled is true beside path or helpers`},
		{"docker config missing", `docker_config: {path: /does/not/exist}`, `plugins.ratify.docker_config.path "/does/not/exist": no such file`},
		{"notation contradicts", `notation: {disabled: true, config_dir: /}`, `plugins.ratify.notation.disabled is true beside config_dir`},
		{"notation missing", `notation: {config_dir: /does/not/exist}`, `plugins.ratify.notation.config_dir "/does/not/exist": no such directory`},
		{"total below manifest", `limits: {total_bytes: 1MiB}`, `plugins.ratify.limits.total_bytes 1048576: out of range; write 4194304 to`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse([]byte(tt.in))
			if err == nil || c != nil {
				t.Fatalf("accepted: %+v", c)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if e := new(config.Error); !errors.As(err, &e) {
				t.Errorf("%T is no *config.Error", err)
			}
		})
	}
}

func TestParseNamesEveryProblemWithItsLine(t *testing.T) {
	t.Parallel()
	_, err := config.Parse([]byte("timeout: 3\nregistries:\n  - match: a.example\n    ca_file: /does/not/exist\nlimits:\n  signatures: 0\nfoo: 1\n"))
	want := strings.Join([]string{
		`config: plugins.ratify.timeout "3": not a duration; write a number with a unit, "2.8s" or "900ms" (line 1)`,
		`config: plugins.ratify.foo is not a setting; known here are registries, allowed_registries, docker_config, credentials, key_providers, resources, outbound, limits, cache, timeout, notation, revocation, gatekeeper, metrics (line 7)`,
		`config: plugins.ratify.registries[0].ca_file "/does/not/exist": no such file; correct the path or mount the file (line 4)`,
		`config: plugins.ratify.limits.signatures 0: out of range; write 1 to 10000 (line 6)`,
	}, "\n")
	if err == nil {
		t.Fatal("accepted")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Threat: GET /v1/config and opa.runtime() show the section as it is.
func TestCredentialsAreRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	for _, raw := range []string{
		`password: hunter2`,
		`registries: [{match: a.example, token: hunter2}]`,
		`registries: [{match: a.example, credentials: {username: u, value: hunter2}}]`,
		`docker_config: {auths: {a.example: {auth: hunter2}}}`,
		`vault: {client_secret: hunter2}`,
		`vault: {deep: {api-key: hunter2}, AccessKey: hunter2}`,
		`registries: [{match: "user:hunter2@a.example"}]`,
		`registries: [{match: a.example, mirrors: ["https://user:hunter2@b.example"]}]`,
		"registries: [{match: a.example, ca: \"-----BEGIN PRIVATE KEY-----\\naHVudGVyMgo=\\n-----END PRIVATE KEY-----hunter2\"}]",
	} {
		_, err := config.Parse([]byte(raw))
		if err == nil {
			t.Errorf("%s: accepted", raw)
			continue
		}
		if strings.Contains(err.Error(), value) {
			t.Errorf("%s: the error repeats the secret: %v", raw, err)
		}
		if !strings.Contains(err.Error(), "docker_config.path") && !strings.Contains(err.Error(), "private key") {
			t.Errorf("%s: the error names no remedy: %v", raw, err)
		}
	}
}

func TestLoadReadsTheSectionOrAnOPAConfiguration(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"section.yaml": "timeout: 3s\n",
		"opa.yaml":     "services: {s: {url: http://s}}\nplugins:\n  ratify:\n    timeout: 3s\n  other: {password: x}\n",
		"opa.json":     `{"plugins": {"ratify": {"timeout": "3s"}}}`,
	} {
		c, err := config.Load(file(t, name, []byte(content)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Timeout != 3*time.Second {
			t.Errorf("%s: timeout %v", name, c.Timeout)
		}
	}
	c, err := config.Load(file(t, "none.yaml", []byte("plugins: {}")))
	if err != nil || !cmp.Equal(c, config.Default()) {
		t.Errorf("without plugins.ratify: %+v, %v", c, err)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	t.Parallel()
	if _, err := config.Load("/does/not/exist"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	path := file(t, "bad.yaml", []byte("plugins:\n  ratify:\n    timeout: 3\n"))
	_, err := config.Load(path)
	if err == nil || !strings.HasPrefix(err.Error(), path+": config: plugins.ratify.timeout") || !strings.Contains(err.Error(), "(line 3)") {
		t.Errorf("got %v", err)
	}
}

func TestBytesPrintAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for size, want := range map[config.Bytes]string{0: "0", 1: "1", 1 << 10: "1KiB", 1500: "1500", 64 << 20: "64MiB", 3 << 30: "3GiB"} {
		if got := size.String(); got != want {
			t.Errorf("%d: got %s, want %s", int64(size), got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "timeout: 3s", `{"registries":[{"match":"*.example","mirrors":["m.example/x"],"ca":"x"}]}`,
		"a: &a [1]\nregistries: *a", "limits: {total_bytes: 1GiB}", "outbound: {allow: [10.0.0.0/8]}", "? [a]\n: b", "<<: {timeout: 1s}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := config.Parse(raw)
		if (c == nil) == (err == nil) {
			t.Fatalf("half accepted: %+v, %v", c, err)
		}
		if err != nil {
			return
		}
		if c.Timeout <= 0 || c.Gatekeeper.MaxKeys <= 0 || c.Gatekeeper.Concurrency <= 0 || c.Limits.Signatures <= 0 || c.Gatekeeper.Timeout <= 0 {
			t.Errorf("accepted a configuration without bounds: %+v", c)
		}
		for _, r := range c.Registries {
			if r.Match == "" {
				t.Error("accepted a registry without match")
			}
		}
	})
}

func certificate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registry CA"}, NotAfter: time.Now().Add(time.Hour), IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
