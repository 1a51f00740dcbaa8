// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/health"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// request is one question to a host. Only GET and HEAD are ever sent, so it may
// be repeated.
type request struct {
	kind       Kind
	method     string
	repository string
	path       string // below /v2/<repository>/, "manifests/v1"
	query      string
	accept     string
	limit      int64         // of the body, in bytes
	digest     digest.Digest // of the body, if it is known before
	size       int64         // of the body, if it is known before; else 0
	memory     string        // the key its answer is remembered by; "" for none
	known      *answer       // the answer remembered; nil if there is none
}

func (r request) op() string { return r.method + " /v2/" + r.repository + "/" + r.path }

// answer is a 200 with its whole body, which may have been sent earlier.
type answer struct {
	header http.Header
	length int64 // Content-Length; -1 if the registry did not say
	body   []byte
	url    *url.URL  // that was asked, before redirects
	at     time.Time // when its bytes came, if it was remembered; else zero
}

// exchange sends r to h and returns the answer to it, repeating the request after
// a passing failure as far as the context and the registry's Retry-After leave
// time. The error is an [*Error]. Nothing but a 200 is an answer.
func (c *Client) exchange(ctx context.Context, h *host, r request) (answer, error) {
	for attempt := 0; ; attempt++ {
		a, failure := c.attempt(ctx, h, r, attempt)
		if failure == nil {
			return a, nil
		}
		if attempt >= retries(ctx, c.o.Retries) || !failure.Retryable || Unasked(failure) || !c.pause(ctx, attempt, failure.RetryAfter) {
			return answer{}, failure
		}
	}
}

// authorised sends r with what is known of the host's wishes, and once more after
// a 401 from the host itself. A 401 from where a redirect led is not answered:
// that origin has no claim to the credential.
func (c *Client) authorised(ctx context.Context, w *watch, h *host, r request) (answer, int, error) {
	seen := h.meeting.await(ctx, c.maxMeeting)
	header, err := h.auth.Header(ctx, r.repository)
	var resp *http.Response
	if err == nil {
		resp, err = c.send(ctx, w, h, r, header)
	}
	if seen != nil {
		h.demands(resp)
		seen(err == nil)
	}
	if err != nil {
		return answer{}, 0, err
	}
	if resp.StatusCode == http.StatusUnauthorized && outbound.SameOrigin(resp.Request.URL, h.base) {
		refused := problem.Read(resp, c.o.Now())
		resp.Body.Close()
		header, err = h.auth.Challenged(ctx, resp.Header.Values("WWW-Authenticate"), r.repository, header)
		if err != nil {
			return answer{}, http.StatusUnauthorized, h.asker(ctx, r, challengeError(refused, err))
		}
		if resp, err = c.send(ctx, w, h, r, header); err != nil {
			return answer{}, 0, err
		}
	}
	defer resp.Body.Close()
	a, err := c.receive(ctx, h, r, resp)
	if err != nil && outbound.SameOrigin(resp.Request.URL, h.base) {
		err = h.asker(ctx, r, err)
	}
	return a, resp.StatusCode, err
}

// asker adds to a refusal who it was that asked, or how: servers of TLS answer
// plain HTTP with 400.
func (h *host) asker(ctx context.Context, r request, err error) error {
	p, ok := errors.AsType[*problem.Problem](err)
	switch {
	case !ok:
		return err
	case p.Status == http.StatusUnauthorized, p.Status == http.StatusForbidden:
		return fmt.Errorf("%w; %s", err, h.auth.Asker(ctx, r.repository))
	case p.Status == http.StatusBadRequest && p.Code == "" && h.base.Scheme == "http":
		return fmt.Errorf("%w; asked by plain HTTP: if the registry speaks TLS, leave out plain_http, and on loopback set ca_file for it", err)
	default:
		return err
	}
}

// demands tells those who come next what resp, if it is not nil, demands.
func (h *host) demands(resp *http.Response) {
	if resp != nil && resp.StatusCode == http.StatusUnauthorized && outbound.SameOrigin(resp.Request.URL, h.base) {
		h.auth.Learn(resp.Header.Values("WWW-Authenticate"))
	}
}

// challengeError keeps what kind of failure err is, and what the registry said.
func challengeError(refused *problem.Problem, err error) error {
	return fmt.Errorf("%s: %w", refused.Error(), err)
}

func (c *Client) send(ctx context.Context, w *watch, h *host, r request, authorization string) (*http.Response, error) {
	u := h.base.JoinPath("v2", r.repository, r.path)
	u.RawQuery = r.query
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if r.known != nil {
		req.Header.Set("If-None-Match", r.known.header.Get("ETag"))
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	w.asked()
	resp, err := h.http.Do(req)
	if err != nil {
		return nil, transportCause(ctx, err)
	}
	resp.Body = w.answered(resp.Body)
	return resp, nil
}

// receive reads resp up to the limit and checks it against the digest and the
// size it was asked by.
func (c *Client) receive(ctx context.Context, h *host, r request, resp *http.Response) (answer, error) {
	if resp.StatusCode == http.StatusNotModified && r.known != nil && outbound.SameOrigin(resp.Request.URL, h.base) {
		return *r.known, nil
	}
	if resp.StatusCode != http.StatusOK {
		return answer{}, problem.Read(resp, c.o.Now())
	}
	a := answer{header: resp.Header, length: resp.ContentLength, url: h.base.JoinPath("v2", r.repository, r.path)}
	if err := checkHeader(r.digest, resp.Header); err != nil {
		return answer{}, err
	}
	if r.method == http.MethodHead {
		return a, nil
	}
	var err error
	a.body, err = readBody(resp.Body, resp.ContentLength, r)
	if err != nil && !isVerdict(err) {
		return answer{}, transportCause(ctx, err)
	}
	return a, err
}

// failure makes an [*Error] of what went wrong with r.
func (h *host) failure(r request, status int, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Host, e.Op = h.name, r.op()
		return e
	}
	e := &Error{Host: h.name, Op: r.op(), Status: status, Err: err}
	e.Code, e.Retryable = classify(err)
	if refused, ok := errors.AsType[*health.Refusal](err); ok {
		e.RetryAfter = refused.RetryAfter
	}
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		e.RetryAfter = p.RetryAfter
	}
	return e
}

// lieError is an answer that contradicts itself, the question, or the
// specification.
type lieError struct {
	code report.Code
	text string
}

func (e *lieError) Error() string { return e.text }

func mismatch(format string, args ...any) error {
	return &lieError{code: report.DigestMismatch, text: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &lieError{code: report.InvalidResponse, text: fmt.Sprintf(format, args...)}
}

func isVerdict(err error) bool {
	var lie *lieError
	return errors.As(err, &lie) || errors.Is(err, outbound.ErrTooLarge)
}
