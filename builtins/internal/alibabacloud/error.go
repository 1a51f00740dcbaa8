// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// Error is a call that gave no usable answer.
type Error = problem.CallError

// problemf is an error of ours that asking again does not heal.
func problemf(step, format string, args ...any) *Error {
	return &Error{Step: step, Message: fmt.Sprintf(format, args...)}
}

// fromSDK makes an Error of what the SDK returned. Of its errors only the fields
// are used: their text holds headers, and that of a transport error the signed
// URL with the session token.
func fromSDK(step string, err error, seen *exchange) *Error {
	if server, ok := errors.AsType[*sdkerrors.ServerError](err); ok {
		return refused(step, server.HttpStatus(), server.ErrorCode(), server.Message(), server.RequestId())
	}
	if seen.status >= http.StatusOK && seen.status < http.StatusMultipleChoices && seen.err == nil {
		return &Error{Step: step, Message: "the answer is not the JSON that is documented", RequestID: seen.requestID, Retryable: true}
	}
	if seen.err != nil {
		err = seen.err
	}
	return unanswered(step, err)
}

// refused is an answer that is not a success. A body that is not the service's
// error object, a proxy's page, is not quoted.
func refused(step string, status int, code, message, requestID string) *Error {
	if code == "" {
		message = http.StatusText(status)
	}
	code = strings.TrimSpace(code)
	if code == "" || len(code) > 100 || strings.ContainsFunc(code, notInCode) {
		code = fmt.Sprint(status)
	}
	return &Error{
		Step: step, Code: code, Message: problem.Sanitise(message), RequestID: cleanRequestID(requestID),
		Retryable: status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || strings.HasPrefix(code, "Throttling"),
	}
}

func notInCode(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-' && r != ':'
}

// cleanRequestID keeps what looks like one and drops prose.
func cleanRequestID(id string) string {
	if len(id) > 64 || strings.ContainsFunc(id, notInCode) {
		return ""
	}
	return id
}

// unanswered is a call without an answer. A [*url.Error] is reduced to its cause,
// so that the query stays out.
func unanswered(step string, err error) *Error {
	for u, ok := errors.AsType[*url.Error](err); ok; u, ok = errors.AsType[*url.Error](err) {
		err = u.Err
	}
	e := &Error{Step: step, Err: err, Retryable: !errors.Is(err, errGuard)}
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Message = "no answer in time"
	case errors.Is(err, context.Canceled):
		e.Message = "given up, nobody waits any more"
	default:
		e.Message = problem.Sanitise(err.Error())
	}
	return e
}
