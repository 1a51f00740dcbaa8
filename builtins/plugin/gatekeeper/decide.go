// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/logging"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/topdown/builtins"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/opa-ratify/opa-ratify/builtins/internal/telemetry"
)

// decision is one evaluation, with what its log entry needs.
type decision struct {
	question  question
	scratch   *scratch
	id        string
	started   time.Time
	metrics   metrics.Metrics
	ndCache   builtins.NDBCache // nil unless OPA logs results of built-ins
	answer    ast.Value         // of the rule; nil if there is none
	evalError error
}

// decide answers one question. It never panics.
func (r *round) decide(ctx context.Context, q question, s *scratch) outcome {
	d := r.newDecision(q)
	d.scratch = s
	ctx = logging.WithDecisionID(telemetry.WithNamespace(ctx, q.namespace), d.id)
	ctx, span := r.span(ctx, d)
	defer span.End()
	out := r.recovering(q, d.id, func() outcome { return r.evaluate(ctx, d) })
	if out.cause != "" {
		span.SetStatus(codes.Error, string(out.cause))
	}
	if r.decisions != nil {
		r.recovering(q, d.id, func() outcome { r.log(ctx, d, out); return out })
	}
	r.note(ctx, out, d.id, d.started)
	return out
}

func (r *round) span(ctx context.Context, d *decision) (context.Context, trace.Span) {
	if !telemetry.Traced(ctx) {
		return telemetry.Span(ctx, "ratify.decide")
	}
	return telemetry.Span(ctx, "ratify.decide", attribute.String("ratify.key", shorten(d.question.key, 256)),
		attribute.String("ratify.operation", r.operation.name), attribute.String("opa.decision_id", d.id))
}

// newDecision begins a decision. Nobody reads metrics but the decision log.
func (r *round) newDecision(q question) *decision {
	d := &decision{question: q, id: uuid.NewString(), started: r.provider.now(), metrics: metrics.NoOp()}
	if r.decisions != nil {
		d.metrics = metrics.New()
	}
	if r.ndCache {
		d.ndCache = builtins.NDBCache{}
	}
	return d
}

// evaluate asks the policy. The deadline is in ctx; the scratch has what stops evaluation.
func (r *round) evaluate(ctx context.Context, d *decision) outcome {
	q := d.question
	if ctx.Err() != nil {
		return r.stopped(ctx, q)
	}
	d.metrics.Timer(metrics.ServerHandler).Start()
	d.answer, d.evalError = r.ask(ctx, d)
	d.metrics.Timer(metrics.ServerHandler).Stop()
	switch {
	case d.answer == nil && ctx.Err() != nil: // also when a built-in's error made the rule undefined
		return r.stopped(ctx, q)
	case d.evalError != nil:
		return undecided(q, evalFailed, "the policy has an error: %v", d.evalError)
	case d.answer == nil:
		return undecided(q, undefined, "the policy gives no answer: %s is undefined", rule)
	default:
		return r.interpret(d)
	}
}
