// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// Config is the section plugins.ratify: how the process reaches the world. It
// says nothing about trust and cannot widen it. [Default] is a working
// configuration; [Parse] starts from it. Treat it as immutable once built: then
// it may be shared between goroutines.
type Config struct {
	// Registries says how to reach particular registries; the most specific match counts. Empty: HTTPS with the system's CAs everywhere.
	Registries []Registry `yaml:"registries"`
	// AllowedRegistries lists the scopes ("registry.example", "*.example/team") images may come from; others are refused before any network. Empty: every registry.
	AllowedRegistries []reference.Scope `yaml:"allowed_registries"`
	// DockerConfig says where registry credentials are read that no entry of credentials gives.
	DockerConfig DockerConfig `yaml:"docker_config"`
	// Credentials lists credential providers; the first that owns a registry answers for it, and docker_config comes last. Empty: docker_config only.
	Credentials []Credential `yaml:"credentials"`
	// KeyProviders lists where trust documents may take keys and certificates from, {"provider": name, "name": key}. Empty: nowhere.
	KeyProviders []KeyProvider `yaml:"key_providers"`
	// Resources says whether the custom resources of Ratify are watched.
	Resources Resources `yaml:"resources"`
	// Outbound guards connections to addresses that strangers choose.
	Outbound Outbound `yaml:"outbound"`
	// Limits bounds what one verification reads; reaching one makes it inconclusive.
	Limits Limits `yaml:"limits"`
	// Cache bounds what is remembered between verifications.
	Cache Cache `yaml:"cache"`
	// Timeout bounds one verification whose caller sets no deadline.
	Timeout time.Duration `yaml:"timeout"`
	// Notation says where a request without a trust document finds one.
	Notation Notation `yaml:"notation"`
	// Revocation bounds the OCSP and CRL checks.
	Revocation Revocation `yaml:"revocation"`
	// Gatekeeper configures the external-data provider of Gatekeeper.
	Gatekeeper Gatekeeper `yaml:"gatekeeper"`
	// Metrics configures labels of the Prometheus metrics.
	Metrics Metrics `yaml:"metrics"`
}

// Registry says how to reach the registries that Match names.
type Registry struct {
	// Match is a host[:port], "*.host" for one more label, or "*". Required.
	Match string `yaml:"match"`
	// PlainHTTP speaks HTTP without TLS; implied for loopback, refused for "*". False: HTTPS.
	PlainHTTP bool `yaml:"plain_http"`
	// CAFile is a PEM file of CAs trusted beside the system's, read when the configuration is loaded. Empty: none.
	CAFile string `yaml:"ca_file"`
	// CA holds PEM certificates trusted beside the system's. Empty: none.
	CA string `yaml:"ca"`
	// Mirrors lists host[:port][/prefix] asked before the registry itself, in order; policies and reports keep naming the registry. Empty: none.
	Mirrors []string `yaml:"mirrors"`
	// TrustedRealms lists token servers host[:port] that may receive this registry's credentials. Empty: only the registry itself.
	TrustedRealms []string `yaml:"trusted_realms"`
	// MaxConcurrentRequests bounds requests in flight to one host, beside limits.concurrent_requests. 0: 64.
	MaxConcurrentRequests int `yaml:"max_concurrent_requests"`

	// CertificateAuthorities is the content of CA and CAFile together, checked PEM; nil if neither is set.
	CertificateAuthorities []byte `yaml:"-"`
}

// DockerConfig says where registry credentials are read.
type DockerConfig struct {
	// Path is Docker's config.json. Empty: $DOCKER_CONFIG/config.json, then ~/.docker/config.json.
	Path string `yaml:"path"`
	// Helpers allows to run the credential helper programs that the file names. False: such an entry is an error.
	Helpers bool `yaml:"helpers"`
	// Disabled reads no file: every registry is asked anonymously.
	Disabled bool `yaml:"disabled"`
}

// Outbound guards connections to addresses that strangers choose.
type Outbound struct {
	// Allow lists networks ("10.0.0.0/8") that URLs inside certificates (CRL, OCSP) may reach beyond public addresses. Empty: public addresses only.
	Allow []netip.Prefix `yaml:"allow"`
}

// Limits bounds what one verification reads.
type Limits struct {
	// ManifestBytes bounds one manifest or index.
	ManifestBytes Bytes `yaml:"manifest_bytes"`
	// BlobBytes bounds one blob.
	BlobBytes Bytes `yaml:"blob_bytes"`
	// Referrers bounds the descriptors listed for one subject.
	Referrers int `yaml:"referrers"`
	// ReferrerPages bounds the pages of one such list.
	ReferrerPages int `yaml:"referrer_pages"`
	// Signatures bounds the signatures checked on one subject.
	Signatures int `yaml:"signatures"`
	// TotalBytes bounds everything one verification fetches.
	TotalBytes Bytes `yaml:"total_bytes"`
	// ConcurrentVerifications bounds verifications at work in the process; others wait. One registry gets at most three quarters of the places.
	ConcurrentVerifications int `yaml:"concurrent_verifications"`
	// ConcurrentRequests bounds requests in flight to all registries together; others wait. One registry gets at most three quarters of the places.
	ConcurrentRequests int `yaml:"concurrent_requests"`
}

// Cache bounds what is remembered between verifications.
type Cache struct {
	// ContentBytes bounds manifests and blobs kept by digest; the default is at most an eighth of GOMEMLIMIT. 0: nothing is kept.
	ContentBytes Bytes `yaml:"content_bytes"`
	// Directory keeps manifests and blobs across restarts; nobody else may write to it. Empty: memory only.
	Directory string `yaml:"directory"`
	// DirectoryBytes bounds the directory.
	DirectoryBytes Bytes `yaml:"directory_bytes"`
	// Redis shares what was fetched with other replicas.
	Redis Redis `yaml:"redis"`
	// Entries bounds each of the other caches.
	Entries int `yaml:"entries"`
	// TagTTL is how long a tag's digest is believed. 0s: every request asks.
	TagTTL time.Duration `yaml:"tag_ttl"`
	// ReferrersTTL is how long a list of referrers is believed. 0s: every request asks.
	ReferrersTTL time.Duration `yaml:"referrers_ttl"`
	// StaleWhileRevalidate is how long after its TTL a list of referrers that shows an image to be signed is used once more while the registry is asked again in the background. 0s, or a TTL of 0s: every request waits for the registry.
	StaleWhileRevalidate time.Duration `yaml:"stale_while_revalidate"`
	// MaxStale is how long the registry's last answers are kept for requests that accept them by max_stale when it cannot be asked. 0s: none are.
	MaxStale time.Duration `yaml:"max_stale"`
	// ReportBytes bounds the reports kept while all they rest on is fresh; the default is at most a sixteenth of GOMEMLIMIT. 0: nothing is kept.
	ReportBytes Bytes `yaml:"report_bytes"`
	// FailureTTL is how long a registry's failure is repeated without asking, 10s at most. 0s: every request asks.
	FailureTTL time.Duration `yaml:"failure_ttl"`
}

// Notation says where a request without a trust document finds one.
type Notation struct {
	// ConfigDir is Notation's configuration directory (trust policy and trust store). Empty: Notation's own default.
	ConfigDir string `yaml:"config_dir"`
	// Disabled never looks there: a request without trust is answered no_trust_policy.
	Disabled bool `yaml:"disabled"`
}

// Revocation bounds the OCSP and CRL checks. Whether they count is the trust
// policy's business.
type Revocation struct {
	// Timeout bounds one OCSP or CRL request.
	Timeout time.Duration `yaml:"timeout"`
	// CacheBytes bounds the revocation answers kept. 0: nothing is kept.
	CacheBytes Bytes `yaml:"cache_bytes"`
}

// Gatekeeper configures the external-data provider of Gatekeeper.
type Gatekeeper struct {
	// Undecided says where a key without a decision appears: system_error (Gatekeeper asks again) or item (Gatekeeper caches it for minutes).
	Undecided Undecided `yaml:"undecided"`
	// Mutation is the form of a mutated image: digest ("app@sha256:…") or tag_and_digest ("app:v1@sha256:…").
	Mutation Mutation `yaml:"mutation"`
	// Timeout bounds one verify request; keep it below the Provider's timeout and the validating webhook's (3s in Gatekeeper's chart).
	Timeout time.Duration `yaml:"timeout"`
	// MutationTimeout bounds one mutate request; keep it below the mutating webhook's (1s in Gatekeeper's chart).
	MutationTimeout time.Duration `yaml:"mutation_timeout"`
	// MaxKeys bounds the keys of one request.
	MaxKeys int `yaml:"max_keys"`
	// MaxBodyBytes bounds the body of one request.
	MaxBodyBytes Bytes `yaml:"max_body_bytes"`
	// Concurrency bounds the keys of one request decided at the same time.
	Concurrency int `yaml:"concurrency"`
}

// Metrics configures labels of the Prometheus metrics.
type Metrics struct {
	// WorkloadNamespace fills the label workload_namespace (200 distinct values, then "other"). False: it stays empty.
	WorkloadNamespace bool `yaml:"workload_namespace"`
}

// Undecided says where a key without a decision appears in the answer.
type Undecided string

// The places.
const (
	UndecidedSystemError Undecided = "system_error"
	UndecidedItem        Undecided = "item"
)

// Mutation is the form of a mutated image reference.
type Mutation string

// The forms.
const (
	MutationDigest       Mutation = "digest"
	MutationTagAndDigest Mutation = "tag_and_digest"
)

// defaultConcurrentRequests lets one Gatekeeper request of many images (its
// default concurrency) proceed at once.
const defaultConcurrentRequests = 64

// Default returns the configuration of an empty section. With a memory limit for
// the process (GOMEMLIMIT) caches take no more than their part of it.
func Default() *Config {
	c := standard()
	c.fit(debug.SetMemoryLimit(-1))
	return c
}

// fit makes the caches small enough for a memory limit in bytes: together a
// quarter of it at most, as the rest is OPA's, the policies' and garbage.
func (c *Config) fit(limit int64) {
	c.Cache.ContentBytes = min(c.Cache.ContentBytes, Bytes(limit/8))
	c.Cache.ReportBytes = min(c.Cache.ReportBytes, Bytes(limit/16))
	c.Revocation.CacheBytes = min(c.Revocation.CacheBytes, Bytes(limit/16))
}

func standard() *Config {
	return &Config{
		Limits: Limits{
			ManifestBytes:           4 << 20, // OCI distribution v1.1.1, "Pushing Manifests": a registry's limit should be at least 4 MB
			BlobBytes:               16 << 20,
			Referrers:               2000,
			ReferrerPages:           20,
			Signatures:              50, // notation's --max-signatures is 100; each costs a fetch inside Gatekeeper's 3 s
			TotalBytes:              64 << 20,
			ConcurrentVerifications: 128, // half of it, which one registry always gets, is a Gatekeeper request's 64
			ConcurrentRequests:      256,
		},
		Cache: Cache{
			ContentBytes:   64 << 20,
			DirectoryBytes: 1 << 30,
			Entries:        10_000,
			TagTTL:         10 * time.Second,
			ReferrersTTL:   10 * time.Second,
			FailureTTL:     2 * time.Second,

			StaleWhileRevalidate: time.Hour,
			MaxStale:             24 * time.Hour,
			ReportBytes:          32 << 20,
			Redis:                Redis{Prefix: "opa-ratify:", Timeout: 50 * time.Millisecond, Connections: 16, ValueBytes: 4 << 20},
		},
		Timeout:    10 * time.Second,
		Resources:  Resources{Namespaced: NamespacedAdd, Resync: 10 * time.Minute},
		Revocation: Revocation{Timeout: 2 * time.Second, CacheBytes: 32 << 20},
		Gatekeeper: Gatekeeper{
			Undecided:       UndecidedSystemError,
			Mutation:        MutationDigest,
			Timeout:         2800 * time.Millisecond,
			MutationTimeout: 900 * time.Millisecond,
			MaxKeys:         500,
			MaxBodyBytes:    1 << 20,
			Concurrency:     64,
		},
	}
}
