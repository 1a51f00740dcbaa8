// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/auth"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/health"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// Error is every error of this package. It never holds a credential, a token, a
// query or a body.
type Error struct {
	Code       report.Code
	Host       string        // that was asked, "registry.example:5000"; "" if none was
	Op         string        // "HEAD /v2/app/manifests/v1"; "" before any request
	Status     int           // HTTP status; 0 if there was no answer
	Retryable  bool          // asking again may give another answer
	RetryAfter time.Duration // how long the registry wants to be left alone; 0 if it did not say
	Err        error         // cause; context.DeadlineExceeded and the like are found by errors.Is
}

// Error returns "registry.example: HEAD /v2/app/manifests/v1: 401 Unauthorized".
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, s := range []string{e.Host, e.Op} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	} else {
		parts = append(parts, string(e.Code))
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Classify names the reason behind an error that came out of this package, and
// whether asking again can help. Any other error is report.Internal.
func Classify(err error) (code report.Code, retryable bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code, e.Retryable
	}
	return classify(err)
}

// classify judges the cause of a request's failure.
func classify(err error) (report.Code, bool) {
	var lie *lieError
	var p *problem.Problem
	var netErr net.Error
	var refused *health.Refusal
	var provider *credentials.Error
	switch {
	case errors.As(err, &lie):
		return lie.code, false
	case errors.As(err, &refused):
		return refused.Code, true
	case errors.Is(err, errStalled):
		return report.Timeout, true
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return report.Timeout, true
	case errors.Is(err, outbound.ErrRefused):
		return report.RegistryNotAllowed, false
	case errors.Is(err, auth.ErrRealm):
		return report.Unauthorized, false
	case errors.Is(err, outbound.ErrRedirect), errors.Is(err, auth.ErrAnswer):
		return report.InvalidResponse, false
	case errors.Is(err, outbound.ErrTooLarge):
		return report.TooLarge, false
	case errors.As(err, &p):
		return classifyStatus(p.Status)
	case errors.As(err, &provider) && provider.Retryable:
		return report.Unavailable, true
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission): // of a provider's file; a net.Error too
		return report.Unauthorized, false
	case isTLS(err):
		return report.TLS, false
	case errors.As(err, &netErr) && netErr.Timeout():
		return report.Timeout, true
	case errors.As(err, &netErr), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, errTransport):
		return report.Unavailable, true
	case errors.Is(err, auth.ErrUnauthorized): // last: a credential provider may have met one of the above
		return report.Unauthorized, false
	default:
		return report.Internal, false
	}
}

func classifyStatus(status int) (report.Code, bool) {
	switch {
	case status == http.StatusNotFound:
		return report.NotFound, false
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return report.Unauthorized, false
	case status == http.StatusTooManyRequests:
		return report.RateLimited, true
	case status == http.StatusRequestTimeout, status >= 500 && status != http.StatusNotImplemented:
		return report.Unavailable, true
	default:
		return report.InvalidResponse, false
	}
}

func isTLS(err error) bool {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		alert    tls.AlertError
	)
	return errors.As(err, &unknown) || errors.As(err, &hostname) || errors.As(err, &invalid) || errors.As(err, &verify) ||
		errors.As(err, &record) || errors.As(err, &alert) || errors.Is(err, http.ErrSchemeMismatch)
}

// errTransport is wrapped by failures of the transport that have no type.
var errTransport = errors.New("request not answered")

// redacted is a cause whose text was made safe; errors.Is and As see the cause.
type redacted struct {
	text string
	err  error
}

func (e *redacted) Error() string { return e.text }

func (e *redacted) Unwrap() []error { return []error{errTransport, e.err} }

// transportCause takes the URL out of an error of net/http: of a redirect, its
// query may be the signature of a storage service.
func transportCause(ctx context.Context, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		return cause
	}
	text := problem.Sanitise(err.Error())
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		text = "the registry answers plain HTTP; if that is wanted, set plain_http for it"
	case errors.As(err, &unknown):
		text += "; if it is the right one, name its CA in ca_file for the registry"
	}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return &redacted{text: text, err: errors.Join(ctx.Err(), err)}
	}
	return &redacted{text: text, err: err}
}
