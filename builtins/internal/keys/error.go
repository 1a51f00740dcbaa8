// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"errors"
	"strconv"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// ErrUnknown is wrapped when a trust document names a provider that is not
// configured.
var ErrUnknown = errors.New("not configured")

// Error is what went wrong with a key service.
type Error = problem.CallError

// Refused is the error of an HTTP answer that is not a success. code is the
// service's own, "" for the status.
func Refused(step string, status int, code, message string) *Error {
	if code == "" {
		code = strconv.Itoa(status)
	}
	return &Error{Step: step, Code: code, Message: message, Retryable: problem.Passing(status)}
}

// retryable reports whether asking again may help. A failure that no source has
// judged is one of the network.
func retryable(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Retryable
	}
	return true
}

// passing reports whether a key's own error leaves its last good PEM in force:
// only what a source calls retryable does.
func passing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Retryable
}
