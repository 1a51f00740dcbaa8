// SPDX-License-Identifier: Apache-2.0

package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/telemetry"
)

func TestMetricsUnderTheirNames(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := metrics(t, telemetry.Options{Registerer: registry, WorkloadNamespace: true})
	ctx := telemetry.WithNamespace(t.Context(), "team-a")

	m.VerificationRequest(2500 * time.Millisecond)
	m.MutationRequest(40 * time.Millisecond)
	m.Verifier(ctx, "notation", false, "expired", 7*time.Millisecond)
	m.SystemError(ctx, "timeout")
	m.RegistryRequest("registry.example", 200)
	m.RegistryRequest("registry.example", 0)
	m.Cache("content", true)
	m.Verdict("rejected", "expired")
	m.Cache("tags", false)
	m.CacheBytes("content", 100)
	m.CacheBytes("content", -40)
	m.CacheUp("redis", false)
	m.CacheUp("redis", true)
	m.Tier("redis", "corrupt")
	m.Inflight()
	m.Inflight()()

	want := []string{
		`ratify_blob_cache_count{hit="true",workload_namespace=""} 1`,
		`ratify_cache_bytes{cache="content"} 60`,
		`ratify_cache_requests_total{cache="redis",result="corrupt"} 1`,
		`ratify_cache_requests_total{cache="tags",result="miss"} 1`,
		`ratify_cache_up{cache="redis"} 1`,
		`ratify_inflight_verifications 1`,
		`ratify_mutation_request_bucket{le="30"} 0`,
		`ratify_mutation_request_bucket{le="50"} 1`,
		`ratify_mutation_request_sum 40`,
		`ratify_registry_request_count{registry_host="registry.example",status_code="200",workload_namespace=""} 1`,
		`ratify_registry_request_count{registry_host="registry.example",status_code="none",workload_namespace=""} 1`,
		`ratify_system_error_count{error="timeout",workload_namespace="team-a"} 1`,
		`ratify_verdicts_total{code="expired",verdict="rejected"} 1`,
		`ratify_verification_request_bucket{le="2300"} 0`,
		`ratify_verification_request_bucket{le="2600"} 1`,
		`ratify_verifier_duration_bucket{error="expired",success="false",verifier="notation",workload_namespace="team-a",le="0"} 0`,
		`ratify_verifier_duration_bucket{error="expired",success="false",verifier="notation",workload_namespace="team-a",le="10"} 1`,
	}
	got := exposition(t, registry)
	for _, line := range want {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("missing %s in\n%s", line, got)
		}
	}
}

// OPA restarts plugins in one process with the registry they have used before.
func TestNewAgainWithTheSameRegistryCountsOn(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	metrics(t, telemetry.Options{Registerer: registry}).Verdict("verified", "")
	metrics(t, telemetry.Options{Registerer: registry}).Verdict("verified", "")
	if got := exposition(t, registry); !strings.Contains(got, `ratify_verdicts_total{code="",verdict="verified"} 2`) {
		t.Error(got)
	}
}

func TestNewReportsAForeignMetricOfThatName(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "ratify_cache_bytes", Help: "something else"}))
	if _, err := telemetry.New(telemetry.Options{Registerer: registry}); err == nil || !strings.Contains(err.Error(), "ratify_cache_bytes") {
		t.Errorf("got %v", err)
	}
}

// Threat: whoever can name images could fill memory with label values.
func TestHostileHostsShareOneLabel(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := metrics(t, telemetry.Options{Registerer: registry, Hosts: []string{"configured.example"}})
	for i := range 1000 {
		m.RegistryRequest(fmt.Sprintf("h%d.attacker.example", i), 200)
	}
	m.RegistryRequest("configured.example", 200)
	got := exposition(t, registry)
	if n := strings.Count(got, "\nratify_registry_request_count{"); n != 102 {
		t.Errorf("%d time series, want 100 hosts, other and the configured one", n)
	}
	for _, line := range []string{
		`ratify_registry_request_count{registry_host="other",status_code="200",workload_namespace=""} 900`,
		`ratify_registry_request_count{registry_host="configured.example",status_code="200",workload_namespace=""} 1`,
	} {
		if !strings.Contains(got, line) {
			t.Errorf("missing %s", line)
		}
	}
}

func TestNamespaceIsEmptyUnlessAskedFor(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := metrics(t, telemetry.Options{Registerer: registry})
	m.SystemError(telemetry.WithNamespace(t.Context(), "team-a"), "timeout")
	if got := exposition(t, registry); !strings.Contains(got, `ratify_system_error_count{error="timeout",workload_namespace=""} 1`) {
		t.Error(got)
	}
}

func TestNilMetricsCountNothing(t *testing.T) {
	t.Parallel()
	var m *telemetry.Metrics
	m.VerificationRequest(1)
	m.MutationRequest(1)
	m.Verifier(t.Context(), "notation", true, "", 1)
	m.SystemError(t.Context(), "timeout")
	m.RegistryRequest("registry.example", 200)
	m.Verdict("verified", "")
	m.Cache("tags", true)
	m.CacheBytes("content", 1)
	m.Inflight()()
	_, done := m.Stage(t.Context(), "resolve")
	done(nil)
}

func TestStageIsASpanBelowTheCallers(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	registry := prometheus.NewRegistry()
	now := time.Unix(0, 0)
	m := metrics(t, telemetry.Options{Registerer: registry, Now: func() time.Time { now = now.Add(time.Second); return now }})

	ctx, root := provider.Tracer("test").Start(t.Context(), "request")
	ctx, resolved := m.Stage(ctx, "resolve")
	_, fetched := m.Stage(ctx, "fetch")
	fetched(errors.New("connection reset"))
	resolved(nil)
	root.End()

	var got []string
	parents := map[string]string{}
	for _, s := range spans.GetSpans() {
		parents[s.SpanContext.SpanID().String()] = s.Name
	}
	for _, s := range spans.GetSpans() {
		got = append(got, fmt.Sprintf("%s < %s: %s %s", s.Name, parents[s.Parent.SpanID().String()], s.Status.Code, s.Status.Description))
	}
	want := []string{"ratify.fetch < ratify.resolve: Error connection reset", "ratify.resolve < request: Unset ", "request < : Unset "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	out := exposition(t, registry)
	for _, line := range []string{`ratify_stage_duration_seconds_sum{stage="fetch"} 1`, `ratify_stage_duration_seconds_sum{stage="resolve"} 3`} {
		if !strings.Contains(out, line) {
			t.Errorf("missing %s in\n%s", line, out)
		}
	}
}

func TestMetricsMayBeShared(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := metrics(t, telemetry.Options{Registerer: registry, WorkloadNamespace: true})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				ctx := telemetry.WithNamespace(context.Background(), fmt.Sprintf("ns-%d", i*100+j))
				m.RegistryRequest(fmt.Sprintf("h%d", j), 200)
				m.SystemError(ctx, "timeout")
			}
		})
	}
	wg.Wait()
	if got := exposition(t, registry); !strings.Contains(got, `workload_namespace="other"`) {
		t.Error(got)
	}
}

func metrics(t *testing.T, o telemetry.Options) *telemetry.Metrics {
	t.Helper()
	m, err := telemetry.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func exposition(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	return "\n" + out.String()
}

func TestWithoutATraceNothingIsTraced(t *testing.T) {
	t.Parallel()
	m := metrics(t, telemetry.Options{})
	staged, done := m.Stage(t.Context(), "resolve")
	done(errors.New("connection reset"))
	below, span := telemetry.Span(t.Context(), "ratify.decide")
	span.End()
	if staged != t.Context() || below != t.Context() || telemetry.Traced(staged) || span.IsRecording() {
		t.Errorf("contexts %v, %v; span %v", staged, below, span)
	}
}
