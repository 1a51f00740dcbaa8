// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// instrumentation names this module in traces.
const instrumentation = "github.com/opa-ratify/opa-ratify"

// Stage begins one stage of the flow ("resolve", "fetch"): a span below the one
// in ctx, from the same tracer provider, and a duration. Without a span in ctx
// only the duration is taken. Work of the stage uses the returned context; done
// ends it, once, with the stage's error or nil. A nil *Metrics opens the span
// all the same.
//
// The error's text becomes part of the trace: it must hold no credential.
func (m *Metrics) Stage(ctx context.Context, name string) (staged context.Context, done func(error)) {
	span := trace.SpanFromContext(ctx)
	if Traced(ctx) {
		ctx, span = Span(ctx, "ratify."+name)
	}
	if m == nil {
		return ctx, func(err error) { end(span, err) }
	}
	started := m.now()
	return ctx, func(err error) {
		end(span, err)
		m.c.stageDuration.WithLabelValues(m.words.value(name)).Observe(m.now().Sub(started).Seconds())
	}
}

// Traced tells whether ctx has a span, below which others can stand.
func Traced(ctx context.Context) bool { return trace.SpanFromContext(ctx).SpanContext().IsValid() }

// Span opens a span below the one in ctx. The caller ends it. Without one in ctx
// the span is nowhere to be seen and ctx stays as it is.
func Span(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.SpanContext().IsValid() {
		return ctx, parent
	}
	return parent.TracerProvider().Tracer(instrumentation).Start(ctx, name, trace.WithAttributes(attributes...))
}

func end(span trace.Span, err error) {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
