// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/auth"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/health"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// attempt sends r once, when h may be asked and there is a place for it. number
// counts from 0.
func (c *Client) attempt(ctx context.Context, h *host, r request, number int) (answer, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	turn, leave, err := c.enter(ctx, h)
	if err != nil {
		return answer{}, h.failure(r, 0, err)
	}
	defer leave()
	header := c.o.HeaderTimeout
	if number == 0 {
		header = header * 2 / 5
	}
	watched, w := newWatch(ctx, header, c.o.StallTimeout)
	defer w.close()
	began := time.Now()
	a, status, err := c.authorised(watched, w, h, r)
	silence, took := w.end(), time.Since(began)
	c.observe(RequestEvent{Host: h.name, Kind: r.kind, Method: r.method, Status: status, Duration: took})
	if err == nil {
		h.health.Leave(turn, health.Answered, health.Failure{}, took)
		return a, nil
	}
	failure := h.failure(r, status, err)
	h.health.Leave(turn, judge(ctx, failure, silence), failure.health(), took)
	// A probe is alone, and often cut by its caller: to find one silent connection
	// after the other would take as many pauses as there are of them.
	hung := failure.Code == report.Timeout && ctx.Err() == nil || turn.Probe() && status == 0
	if hung && h.health.SilentSince(began) {
		h.transport.Renew() // what is left of its connections may be as dead
	}
	return answer{}, failure
}

// enter waits until h may be asked and there is a place for the request. A probe
// needs none: there is one at a time, and the places may all be held by requests
// that hang.
func (c *Client) enter(ctx context.Context, h *host) (health.Turn, func(), error) {
	for {
		turn, err := h.health.Enter(ctx, patient(ctx))
		if err != nil || turn.Probe() {
			return turn, func() {}, err
		}
		if err := c.gate.Enter(ctx, h.name, h.rule.MaxConcurrent); err != nil {
			h.health.Leave(turn, health.Unknown, health.Failure{}, 0)
			return health.Turn{}, nil, fmt.Errorf("%d requests to one host at most: %w", h.rule.MaxConcurrent, err)
		}
		if h.health.Confirm(&turn) {
			return turn, func() { c.gate.Leave(h.name) }, nil
		}
		c.gate.Leave(h.name)
	}
}

// telling is the silence after which a deadline says something about the
// registry, and not only about the caller who set it.
const telling = time.Second

// judge says what a failure means for others who want to ask the same host.
func judge(ctx context.Context, e *Error, silence time.Duration) health.Outcome {
	var credential *auth.CredentialError
	switch {
	case errors.As(e.Err, &credential), errors.Is(ctx.Err(), context.Canceled):
		return health.Unknown
	case ctx.Err() != nil && silence < telling:
		return health.Unknown
	case e.Retryable:
		return health.Failed
	case e.Status != 0:
		return health.Answered
	default:
		return health.Unknown
	}
}

// health is what those are told who are not let in because of e.
func (e *Error) health() health.Failure {
	text := e.Err.Error()
	if e.Status != 0 && e.Status != http.StatusOK {
		text = fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	}
	return health.Failure{Code: e.Code, Text: text, RetryAfter: e.RetryAfter}
}

// Unasked reports whether an error that came out of this package says that the
// host was left alone: it has not answered lately, or does not want to be asked.
func Unasked(err error) bool {
	var refusal *health.Refusal
	return errors.As(err, &refusal)
}
