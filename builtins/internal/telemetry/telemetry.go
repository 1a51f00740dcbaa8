// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"
)

// Options says where metrics go and what labels may say.
type Options struct {
	// Registerer receives the collectors. New may be called again with the same
	// one: the collectors registered before are used. Nil: metrics are counted
	// and shown nowhere.
	Registerer Registerer
	// Hosts are registries that the label registry_host may always name. Others
	// share maxHosts places.
	Hosts []string
	// WorkloadNamespace fills the label workload_namespace from [WithNamespace].
	// False: the label stays empty.
	WorkloadNamespace bool
	// Now is the clock of durations. Nil: time.Now.
	Now func() time.Time
}

// The caps of labels whose values others choose. A time series costs about a
// kilobyte here and more in Prometheus.
const (
	maxHosts      = 100
	maxNamespaces = 200
	maxWords      = 100 // codes, stages, caches: all ours, so a cap that is reached is a fault of ours
)

// Metrics counts and times. All methods are safe on a nil *Metrics and may be
// called concurrently.
type Metrics struct {
	c                        *collectors
	hosts, namespaces, words *bounded
	namespaced               atomic.Bool
	now                      func() time.Time
}

// New registers the collectors. The error is the registerer's, unless it merely
// knows them already.
func New(o Options) (*Metrics, error) {
	c, err := register(o.Registerer)
	if err != nil {
		return nil, err
	}
	m := &Metrics{c: c, hosts: newBounded(maxHosts), namespaces: newBounded(maxNamespaces), words: newBounded(maxWords), now: o.Now}
	if m.now == nil {
		m.now = time.Now
	}
	m.Configure(o.Hosts, o.WorkloadNamespace)
	return m, nil
}

// Configure changes what labels may say, as the fields of [Options] of the same
// names do. Hosts that were named before may still be.
func (m *Metrics) Configure(hosts []string, workloadNamespace bool) {
	if m == nil {
		return
	}
	m.hosts.always(hosts)
	m.namespaced.Store(workloadNamespace)
}

// VerificationRequest observes one request to verify: its whole duration.
func (m *Metrics) VerificationRequest(d time.Duration) {
	if m != nil {
		m.c.verificationRequest.Observe(milliseconds(d))
	}
}

// MutationRequest observes one request to mutate: its whole duration.
func (m *Metrics) MutationRequest(d time.Duration) {
	if m != nil {
		m.c.mutationRequest.Observe(milliseconds(d))
	}
}

// Verifier observes how long one verifier ("notation") took over one signature.
// code is the first finding of a signature that is not verified, "" otherwise.
func (m *Metrics) Verifier(ctx context.Context, verifier string, verified bool, code string, d time.Duration) {
	if m == nil {
		return
	}
	m.c.verifierDuration.WithLabelValues(m.words.value(verifier), strconv.FormatBool(verified), m.words.value(code), m.namespace(ctx)).
		Observe(milliseconds(d))
}

// SystemError counts an answer that was not a decision, by its code.
func (m *Metrics) SystemError(ctx context.Context, code string) {
	if m != nil {
		m.c.systemErrors.WithLabelValues(m.words.value(code), m.namespace(ctx)).Inc()
	}
}

// RegistryRequest counts one HTTP request to a registry. status is 0 when there
// was no answer. Requests are shared between namespaces: the label
// workload_namespace, which Ratify has here, stays empty.
func (m *Metrics) RegistryRequest(host string, status int) {
	if m == nil {
		return
	}
	code := "none"
	if status >= 100 && status <= 599 {
		code = strconv.Itoa(status)
	}
	m.c.registryRequests.WithLabelValues(code, m.hosts.value(host), "").Inc()
}

// Verdict counts one report. code is its first error's, "" if it is verified.
func (m *Metrics) Verdict(verdict, code string) {
	if m != nil {
		m.c.verdicts.WithLabelValues(m.words.value(verdict), m.words.value(code)).Inc()
	}
}

// Cache counts one question to a cache, and whether it had the answer. The cache
// "content", of manifests and blobs, is also counted under Ratify's name.
func (m *Metrics) Cache(cache string, hit bool) {
	if m == nil {
		return
	}
	result := "miss"
	if hit {
		result = "hit"
	}
	m.c.cacheRequests.WithLabelValues(m.words.value(cache), result).Inc()
	if cache == "content" {
		m.c.blobCache.WithLabelValues(strconv.FormatBool(hit), "").Inc()
	}
}

// Tier counts what happens beyond the memory, in "directory", "redis" (contents) or
// "redis_facts" (tags and lists): hit, miss, corrupt, stored, dropped, failed, evicted.
func (m *Metrics) Tier(tier, event string) {
	if m != nil {
		m.c.cacheRequests.WithLabelValues(m.words.value(tier), m.words.value(event)).Inc()
	}
}

// CacheUp shows whether a cache that is a server answers.
func (m *Metrics) CacheUp(cache string, up bool) {
	if m == nil {
		return
	}
	value := 0.0
	if up {
		value = 1
	}
	m.c.cacheUp.WithLabelValues(m.words.value(cache)).Set(value)
}

// CacheBytes adds delta, in bytes, to the size of a cache; a cache that is
// closed takes its whole size off again.
func (m *Metrics) CacheBytes(cache string, delta int64) {
	if m != nil {
		m.c.cacheBytes.WithLabelValues(m.words.value(cache)).Add(float64(delta))
	}
}

// KeyProvider counts one fetch of a key provider, and shows how many of its keys
// are in force and when its last good fetch was; the zero time is shown as 0.
func (m *Metrics) KeyProvider(provider string, inForce int, since time.Time, good bool) {
	if m == nil {
		return
	}
	provider = m.words.value(provider)
	m.c.keyFetches.WithLabelValues(provider, outcome(good)).Inc()
	m.c.keys.WithLabelValues(provider).Set(float64(inForce))
	seconds := 0.0
	if !since.IsZero() {
		seconds = float64(since.Unix())
	}
	m.c.keysSince.WithLabelValues(provider).Set(seconds)
}

// Credential counts one question to a credential provider.
func (m *Metrics) Credential(provider string, good bool) {
	if m != nil {
		m.c.credentials.WithLabelValues(m.words.value(provider), outcome(good)).Inc()
	}
}

func outcome(good bool) string {
	if good {
		return "success"
	}
	return "failure"
}

// Inflight counts one verification as at work until done is called.
func (m *Metrics) Inflight() (done func()) {
	if m == nil {
		return func() {}
	}
	m.c.inflight.Inc()
	return m.c.inflight.Dec
}

func (m *Metrics) namespace(ctx context.Context) string {
	if !m.namespaced.Load() {
		return ""
	}
	ns, _ := ctx.Value(namespaceKey{}).(string)
	return m.namespaces.value(ns)
}

type namespaceKey struct{}

// WithNamespace says for which Kubernetes namespace the work under the returned
// context is done. Work that several share counts for the first.
func WithNamespace(ctx context.Context, namespace string) context.Context {
	return context.WithValue(ctx, namespaceKey{}, namespace)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
