// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/logging"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown/builtins"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/opa-ratify/opa-ratify/builtins/internal/telemetry"
)

// decision is one evaluation, with what its log entry needs.
type decision struct {
	question  question
	id        string
	started   time.Time
	input     map[string]any
	metrics   metrics.Metrics
	ndCache   builtins.NDBCache // nil unless OPA logs results of built-ins
	answer    any               // of the rule; nil if there is none
	evalError error
}

// decide answers one question. It never panics.
func (r *round) decide(ctx context.Context, q question) outcome {
	d := r.newDecision(q)
	ctx = logging.WithBatchDecisionID(logging.WithDecisionID(ctx, d.id), r.id)
	ctx, span := telemetry.Span(telemetry.WithNamespace(ctx, q.namespace), "ratify.decide",
		attribute.String("ratify.key", shorten(q.key, 256)), attribute.String("ratify.operation", r.operation.name), attribute.String("opa.decision_id", d.id))
	defer span.End()
	out := r.recovering(q, d.id, func() outcome { return r.evaluate(ctx, d) })
	if out.cause != "" {
		span.SetStatus(codes.Error, string(out.cause))
	}
	out = out.sign(d.id, r.provider.now()).withTag(r.settings.Mutation)
	r.recovering(q, d.id, func() outcome { r.log(ctx, d, out); return out })
	r.note(ctx, out, d.id, r.provider.now().Sub(d.started))
	return out
}

func (r *round) newDecision(q question) *decision {
	d := &decision{
		question: q, id: uuid.NewString(), started: r.provider.now(), metrics: metrics.New(),
		input: map[string]any{
			"image": q.image, "namespace": q.namespace, "key": q.key,
			"operation": r.operation.name, "version": r.operation.version,
		},
	}
	if c := r.provider.manager.GetConfig(); c != nil && c.NDBuiltinCacheEnabled() {
		d.ndCache = builtins.NDBCache{}
	}
	return d
}

// evaluate asks the policy. The deadline is in ctx; rego stops evaluation itself.
func (r *round) evaluate(ctx context.Context, d *decision) outcome {
	q := d.question
	if ctx.Err() != nil {
		return r.stopped(ctx, q)
	}
	input, err := ast.InterfaceToValue(d.input)
	if err != nil {
		return undecided(q, panicked, "internal: %v", err)
	}
	options := append(r.provider.caches.options(),
		rego.EvalTransaction(r.txn), rego.EvalParsedInput(input), rego.EvalMetrics(d.metrics), rego.EvalTime(d.started), rego.EvalNDBuiltinCache(d.ndCache))
	d.metrics.Timer(metrics.ServerHandler).Start()
	results, err := r.prepared.Eval(ctx, options...)
	d.metrics.Timer(metrics.ServerHandler).Stop()
	d.evalError = err
	if len(results) == 1 && len(results[0].Expressions) == 1 {
		d.answer = results[0].Expressions[0].Value
	}
	switch {
	case d.answer == nil && ctx.Err() != nil: // also when a built-in's error made the rule undefined
		return r.stopped(ctx, q)
	case err != nil:
		return undecided(q, evalFailed, "the policy has an error: %v", err)
	case d.answer == nil:
		return undecided(q, undefined, "the policy gives no answer: %s is undefined", rule)
	default:
		return interpret(q, r.operation, d.answer)
	}
}
