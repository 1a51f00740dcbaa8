// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"context"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/logging"
	"github.com/open-policy-agent/opa/v1/server"
	"github.com/open-policy-agent/opa/v1/server/types"
	"go.opentelemetry.io/otel/trace"
)

// logPath is the path of the rule in decision logs.
const logPath = "ratify/gatekeeper/item"

// log writes the decision to OPA's decision log. The client may be gone by then;
// the entry is written all the same.
func (r *round) log(ctx context.Context, d *decision, out outcome) {
	if err := r.decisions.Log(context.WithoutCancel(ctx), r.entry(ctx, d, out)); err != nil {
		r.provider.manager.Logger().WithFields(map[string]any{"decision_id": d.id, "error": err.Error()}).Error("A decision could not be logged.")
	}
}

// entry describes the decision as OPA's server does.
func (r *round) entry(ctx context.Context, d *decision, out outcome) *server.Info {
	input := r.terms.plainInput(d.question)
	info := &server.Info{
		Txn: r.txn, Bundles: r.revisions, DecisionID: d.id, BatchDecisionID: r.id, RemoteAddr: r.remote,
		Path: logPath, Timestamp: d.started.UTC(), Input: &input, Error: d.evalError, Metrics: d.metrics,
		Custom: map[string]any{"verdict": out.verdict()},
	}
	if d.answer != nil {
		if answer, err := ast.JSON(d.answer); err == nil {
			info.Results = &answer
		}
	}
	if info.Error == nil && out.cause != "" && out.cause != byPolicy {
		info.Error = types.NewErrorV1(string(out.cause), "%s", out.reason)
	}
	if d.ndCache != nil {
		if x, err := ast.JSON(d.ndCache.AsValue()); err == nil {
			info.NDBuiltinCache = &x
		}
	}
	if h, ok := logging.HTTPRequestContextFromContext(ctx); ok {
		info.HTTPRequestContext = *h
	}
	if c, ok := logging.FromContext(ctx); ok {
		info.RequestID = c.ReqID
	}
	if s := trace.SpanFromContext(ctx).SpanContext(); s.IsValid() {
		info.TraceID, info.SpanID = s.TraceID().String(), s.SpanID().String()
	}
	return info
}

// note writes one line about an outcome to OPA's log and counts what was not
// decided. Nothing was evaluated if id is empty.
func (r *round) note(ctx context.Context, out outcome, id string, started time.Time) {
	logger := r.provider.manager.Logger()
	if out.cause != "" {
		r.provider.metrics.SystemError(ctx, string(out.cause))
	} else if logger.GetLevel() < logging.Info {
		return
	}
	fields := map[string]any{
		"operation": r.operation.name, "key": shorten(out.question.key, 256), "verdict": out.verdict(), "duration": "0s",
	}
	if id != "" {
		fields["decision_id"], fields["duration"] = id, r.provider.now().Sub(started).String()
	}
	switch {
	case out.cause != "":
		fields["code"], fields["error"] = string(out.cause), out.reason
		logger.WithFields(fields).Warn("A key of Gatekeeper was not decided.")
	case out.err != "":
		fields["error"] = shorten(out.err, 512)
		logger.WithFields(fields).Info("A key of Gatekeeper was decided.")
	default:
		if out.why != "" {
			fields["reasons"] = out.why
		}
		logger.WithFields(fields).Info("A key of Gatekeeper was decided.")
	}
}
