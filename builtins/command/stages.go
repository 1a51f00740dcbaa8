// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// watch returns a context in which the steps of the flow are timed, by the spans
// they open anyway, and what gives the times.
func watch(ctx context.Context) (watched context.Context, stages func() []stage) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	watched, span := provider.Tracer("opa-ratify").Start(ctx, "command")
	return watched, func() []stage {
		span.End()
		return timesOf(recorder.Ended())
	}
}

// timesOf adds up the time from the first begin to the last end of each stage:
// several signatures are fetched at the same time.
func timesOf(spans []sdktrace.ReadOnlySpan) []stage {
	type window struct{ from, to time.Time }
	windows := map[string]*window{}
	for _, s := range spans {
		name := strings.TrimPrefix(s.Name(), "ratify.")
		w := windows[name]
		if w == nil {
			w = &window{s.StartTime(), s.EndTime()}
			windows[name] = w
		}
		if s.StartTime().Before(w.from) {
			w.from = s.StartTime()
		}
		if s.EndTime().After(w.to) {
			w.to = s.EndTime()
		}
	}
	stages := []stage{}
	for _, name := range []report.Stage{report.StageResolve, report.StageReferrers, report.StageFetch, report.StageVerify} {
		if w := windows[string(name)]; w != nil {
			took := float64(w.to.Sub(w.from).Microseconds()) / 1000
			stages = append(stages, stage{Name: string(name), Milliseconds: took})
		}
	}
	return stages
}
