// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// CallError is a call of a service, a cloud's or a key service's, that gave no
// usable answer. It never holds a key, a token, a query or a body.
type CallError struct {
	Step      string // the call or what was done before it, "exchange token"
	Code      string // the service's, "AADSTS700024", or the HTTP status; "" if there is none
	Message   string // made safe to show; may be ""
	RequestID string // the service's, for its support; "" if it gave none
	Retryable bool   // asking again may give another answer
	Err       error  // cause, [context.DeadlineExceeded] among others; may be nil
}

// Error returns "exchange token: UNAUTHORIZED no access (request id …)".
func (e *CallError) Error() string {
	parts := make([]string, 0, 2)
	for _, s := range []string{e.Code, e.Message} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 && e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	s := e.Step + ": " + strings.Join(parts, " ")
	if e.RequestID != "" {
		s += " (request id " + e.RequestID + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// Unreachable is the error of a request that was not answered. It keeps the cause
// and drops the URL, whose query may be a secret.
func Unreachable(step string, err error) *CallError {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	lasting := errors.Is(err, outbound.ErrRefused) || errors.Is(err, outbound.ErrRedirect) || errors.Is(err, outbound.ErrTooLarge)
	return &CallError{Step: step, Message: Sanitise(err.Error()), Retryable: !lasting, Err: err}
}

// Passing reports whether a service that answers with status may answer otherwise
// when it is asked again.
func Passing(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500 && status != http.StatusNotImplemented
}
