// SPDX-License-Identifier: Apache-2.0

// Package problem reads what a server says when it refuses: the status, the
// registry's error code, and a message made safe to log and to show a stranger.
package problem

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody is how much of an error answer is read, in bytes: its first code and
// message are all that is used.
const maxBody = 8 << 10

// maxRetryAfter bounds what a server can make us remember.
const maxRetryAfter = 24 * time.Hour

// Problem is an answer that is not a success.
type Problem struct {
	Status     int           // HTTP status
	Code       string        // of the OCI error list, "NAME_UNKNOWN"; "" if there is none
	Message    string        // at most 200 bytes, printable, without anything like a secret
	RetryAfter time.Duration // 0 if the server did not say
}

// Error returns "404 Not Found: NAME_UNKNOWN: repository name not known".
func (p *Problem) Error() string {
	s := strconv.Itoa(p.Status)
	if text := http.StatusText(p.Status); text != "" {
		s += " " + text
	}
	if p.Code != "" {
		s += ": " + p.Code
	}
	if p.Message != "" {
		s += ": " + p.Message
	}
	return s
}

// Read makes a Problem of resp. It reads at most 8 KiB of the body and leaves
// closing it to the caller.
//
// Spec: OCI distribution v1.1.1, "Error Codes"; RFC 9110, section 10.2.3.
func Read(resp *http.Response, now time.Time) *Problem {
	p := &Problem{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), now)}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return p // the status is what counts
	}
	p.Code, p.Message = parse(body)
	return p
}

func parse(body []byte) (code, message string) {
	var answer struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Errors) == 0 {
		return "", ""
	}
	return cleanCode(answer.Errors[0].Code), Sanitise(answer.Errors[0].Message)
}

// cleanCode keeps codes and drops prose: policies and people compare them.
func cleanCode(code string) string {
	code = strings.ToUpper(code)
	if len(code) > 64 {
		return ""
	}
	for _, c := range []byte(code) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return ""
		}
	}
	return code
}

func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	wait := time.Duration(0)
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
