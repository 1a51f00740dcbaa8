// SPDX-License-Identifier: Apache-2.0

// Package telemetry counts and times what the process does, for Prometheus and
// OpenTelemetry. It knows neither OPA nor the flow: callers say what happened.
//
//	[New] ──registers──▶ OPA's Prometheus registry ──▶ GET /metrics
//	[Metrics.Stage] ──▶ a span of the trace in the context, and a duration
//
// Names beginning with ratify_verification_request … ratify_blob_cache_count are
// those of Ratify v1, in its units (milliseconds), so that its dashboards and
// alerts keep working; the others follow Prometheus' own conventions (seconds).
//
// No label takes an unbounded value (threat: whoever can name images could fill
// the memory of the process and of Prometheus): there is no label for the image,
// and every label that repeats what others chose has a cap, after which it says
// "other".
package telemetry
