// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"errors"
	"strings"
)

// ErrUnknown is wrapped when a trust document names a provider that is not
// configured.
var ErrUnknown = errors.New("not configured")

// Error is what went wrong with a key service. It never holds a token, a query or
// a body.
type Error struct {
	Step      string // what was being done, "login"
	Code      string // the service's, "SecretDisabled"; "" if it gave none
	Message   string // made safe to show
	RequestID string // the service's, for its support; "" if it gave none
	Retryable bool   // asking again may give another answer
	Err       error  // cause; may be nil
}

// Error returns "login: 403 permission denied (request id …)".
func (e *Error) Error() string {
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
func (e *Error) Unwrap() error { return e.Err }

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
