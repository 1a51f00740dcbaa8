// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

const (
	// defaultTimeout bounds one call: an admission request waits for several.
	defaultTimeout = 10 * time.Second
	// AskTimeout bounds asking for a token of an identity, with all its calls.
	AskTimeout = 20 * time.Second
	// maxAnswerBytes bounds an answer: a secret of Key Vault has at most 25 KiB, a
	// page of a list less than 100 KiB.
	maxAnswerBytes = 1 << 20
)

// Client makes calls. It may be shared between goroutines.
type Client struct {
	// Transport makes the requests; a guarded one. Required.
	Transport http.RoundTripper
	// Timeout bounds one call, with its body. Zero: 10 s.
	Timeout time.Duration
}

// Refusal is what a service says in an answer that is not a success.
type Refusal struct {
	Code, Message, RequestID string
	// Advice is what we say about the code, shown as it is; "" for nothing.
	Advice string
	// Retryable says that asking again may help, whatever the status says.
	Retryable bool
}

// Explain reads a service's own form of refusal. All but the advice is made safe to
// show by the caller.
type Explain func(header http.Header, body []byte) Refusal

// JSON makes the request and decodes a 200 answer into into. Everything else is an
// [*Error]; a redirect too, whatever its target.
func (c *Client) JSON(step string, req *http.Request, explain Explain, into any) error {
	return c.Decode(step, req, explain, func(body []byte) error { return json.Unmarshal(body, into) })
}

// Decode is [Client.JSON] for services that answer in another form.
func (c *Client) Decode(step string, req *http.Request, explain Explain, decode func(body []byte) error) error {
	body, err := c.do(step, req, explain)
	if err != nil {
		return err
	}
	if err := decode(body); err != nil {
		return &Error{Step: step, Message: "the answer of " + req.URL.Host + " is not in the form that was asked for"}
	}
	return nil
}

func (c *Client) do(step string, req *http.Request, explain Explain) ([]byte, error) {
	ctx, cancel := context.WithTimeout(req.Context(), cmp.Or(c.Timeout, defaultTimeout))
	defer cancel()
	client := http.Client{Transport: c.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req.WithContext(ctx)) //nolint:gosec // hosts are checked by the callers, addresses by the transport
	if err != nil {
		return nil, unanswered(ctx, step, req.URL.Host, err)
	}
	defer resp.Body.Close()
	body, err := outbound.ReadAll(resp.Body, maxAnswerBytes)
	switch {
	case errors.Is(err, outbound.ErrTooLarge):
		return nil, &Error{Step: step, Message: fmt.Sprintf("the answer of %s has more than %d bytes", req.URL.Host, maxAnswerBytes), Err: err}
	case err != nil:
		return nil, unanswered(ctx, step, req.URL.Host, err)
	case resp.StatusCode != http.StatusOK:
		return nil, refused(step, req, resp, explain(resp.Header, body))
	}
	return body, nil
}

// refused makes an error of an answer that is not a success. What is worth asking
// again has the status as its cause.
func refused(step string, req *http.Request, resp *http.Response, said Refusal) *Error {
	e := &Error{
		Step: step, Code: code(said.Code, resp.StatusCode), Message: problem.Sanitise(said.Message),
		RequestID: identifier(said.RequestID), Retryable: said.Retryable || problem.Passing(resp.StatusCode),
	}
	if problem.Passing(resp.StatusCode) {
		e.Err = &problem.Problem{Status: resp.StatusCode}
	} else if e.Retryable {
		e.Err = &problem.Problem{Status: http.StatusTooManyRequests}
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		e.Code, e.Message = strconv.Itoa(resp.StatusCode), redirectTarget(req, resp)
	}
	if said.Advice != "" {
		e.Message = strings.TrimPrefix(e.Message+"; "+said.Advice, "; ")
	}
	if e.Message == "" {
		e.Message = strings.ToLower(http.StatusText(resp.StatusCode))
	}
	return e
}

func redirectTarget(req *http.Request, resp *http.Response) string {
	to, err := resp.Location()
	if err != nil {
		return req.URL.Host + " answers with a redirect, which is not followed"
	}
	return problem.Sanitise(fmt.Sprintf("%s redirects to %s, which is not followed: nothing secret goes to another address", req.URL.Host, to.Host))
}

// code is the service's if it looks like one, else the status.
func code(said string, status int) string {
	if said = identifier(said); said != "" {
		return said
	}
	return strconv.Itoa(status)
}

// identifier keeps what codes and request ids are made of, and drops prose.
func identifier(s string) string {
	if len(s) > 128 {
		return ""
	}
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return ""
		}
	}
	return s
}

// unanswered makes an error of a request that got no answer. It drops the URL,
// which net/http puts into every error.
func unanswered(ctx context.Context, step, host string, err error) *Error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if ctx.Err() != nil {
		return &Error{Step: step, Message: "no answer of " + host + " in time", Retryable: true, Err: ctx.Err()}
	}
	lasting := errors.Is(err, outbound.ErrRefused) || isCertificate(err)
	return &Error{Step: step, Message: problem.Sanitise(host + ": " + err.Error()), Retryable: !lasting, Err: err}
}

func isCertificate(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// Get makes a request for a resource.
func Get(ctx context.Context, address string) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
}

// Form makes a request that posts a form.
func Form(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}
