// SPDX-License-Identifier: Apache-2.0

package cloud

import "strings"

// Error is what went wrong with a call. It never holds a token, a query or a body.
type Error struct {
	Step      string // what was being done, "exchange token"
	Code      string // the service's, "AADSTS700024"; else the HTTP status; "" without an answer
	Message   string // made safe to show
	RequestID string // the service's, for its support; "" if it gave none
	Retryable bool   // asking again may give another answer
	Err       error  // cause; may be nil
}

// Error returns "exchange token: UNAUTHORIZED no access (request id …)".
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
