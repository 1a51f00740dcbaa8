// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Registerer is the part of [prometheus.Registerer] that New needs.
type Registerer interface {
	Register(prometheus.Collector) error
}

type collectors struct {
	verificationRequest, mutationRequest prometheus.Histogram
	verifierDuration, stageDuration      *prometheus.HistogramVec
	systemErrors, registryRequests       *prometheus.CounterVec
	blobCache, verdicts, cacheRequests   *prometheus.CounterVec
	cacheBytes, cacheUp, keys, keysSince *prometheus.GaugeVec
	keyFetches, credentials              *prometheus.CounterVec
	inflight                             prometheus.Gauge
}

// register creates every collector once per registerer: OPA restarts plugins in
// the same process with the registry they have used before.
func register(r Registerer) (*collectors, error) {
	const ns = "workload_namespace"
	var errs []error
	c := &collectors{
		verificationRequest: once(r, &errs, histogram("ratify_verification_request", "Duration of a request to verify, in milliseconds.", verificationBuckets())),
		mutationRequest:     once(r, &errs, histogram("ratify_mutation_request", "Duration of a request to mutate, in milliseconds.", mutationBuckets())),
		verifierDuration: once(r, &errs, histograms("ratify_verifier_duration", "Duration of one verifier over one signature, in milliseconds.",
			[]float64{0, 10, 50, 100, 200, 300, 400, 600, 800, 1100, 1500, 2000}, "verifier", "success", "error", ns)),
		systemErrors:     once(r, &errs, counters("ratify_system_error_count", "Answers that were not a decision, by code.", "error", ns)),
		registryRequests: once(r, &errs, counters("ratify_registry_request_count", "HTTP requests to registries.", "status_code", "registry_host", ns)),
		blobCache:        once(r, &errs, counters("ratify_blob_cache_count", "Questions to the cache of manifests and blobs.", "hit", ns)),
		verdicts:         once(r, &errs, counters("ratify_verdicts_total", "Reports by verdict and code of the first error.", "verdict", "code")),
		stageDuration: once(r, &errs, histograms("ratify_stage_duration_seconds", "Duration of one stage of a verification, in seconds.",
			[]float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "stage")),
		cacheRequests: once(r, &errs, counters("ratify_cache_requests_total", "Questions to a cache by result.", "cache", "result")),
		cacheBytes: once(r, &errs, prometheus.NewGaugeVec(
			prometheus.GaugeOpts{Name: "ratify_cache_bytes", Help: "Size of a cache, in bytes."}, []string{"cache"})),
		cacheUp: once(r, &errs, prometheus.NewGaugeVec(
			prometheus.GaugeOpts{Name: "ratify_cache_up", Help: "Whether a cache that is a server answers, 1 or 0."}, []string{"cache"})),
		keyFetches:  once(r, &errs, counters("ratify_key_provider_fetches_total", "Fetches of key providers by result.", "provider", "result")),
		credentials: once(r, &errs, counters("ratify_credential_requests_total", "Questions to credential providers by result.", "provider", "result")),
		keys: once(r, &errs, prometheus.NewGaugeVec(
			prometheus.GaugeOpts{Name: "ratify_key_provider_keys", Help: "Keys of a provider that are in force."}, []string{"provider"})),
		keysSince: once(r, &errs, prometheus.NewGaugeVec(
			prometheus.GaugeOpts{Name: "ratify_key_provider_last_success_timestamp_seconds", Help: "Time of a key provider's last good fetch, in seconds of Unix time; 0: none."}, []string{"provider"})),
		inflight: once(r, &errs, prometheus.NewGauge(
			prometheus.GaugeOpts{Name: "ratify_inflight_verifications", Help: "Verifications at work."})),
	}
	return c, errors.Join(errs...)
}

// once registers c, or returns the same collector registered earlier.
func once[C prometheus.Collector](r Registerer, errs *[]error, c C) C {
	if r == nil {
		return c
	}
	err := r.Register(c)
	if registered, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if earlier, ok := registered.ExistingCollector.(C); ok {
			return earlier
		}
	}
	if err != nil {
		*errs = append(*errs, fmt.Errorf("register metric: %w", err))
	}
	return c
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// verificationBuckets are Ratify v1's, in milliseconds (pkg/metrics/stats_reporter.go).
func verificationBuckets() []float64 {
	return append(upTo1200(), 1400, 1600, 1800, 2000, 2300, 2600, 4000, 4400, 4900)
}

// mutationBuckets are Ratify v1's, in milliseconds.
func mutationBuckets() []float64 {
	return append(upTo1200(), 1400, 1600, 1800)
}

func upTo1200() []float64 {
	return append([]float64{0, 10, 30, 50}, prometheus.LinearBuckets(100, 100, 12)...)
}
