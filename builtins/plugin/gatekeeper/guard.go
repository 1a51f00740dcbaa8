// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// intake is what guard has read, for the route: a request, or why it is not served.
type intake struct {
	request request
	err     error
}

type intakeKey struct{}

// guard stands before OPA's authorization, which reads the body too, and after
// it once more, where it does nothing. It bounds the body, and turns whatever
// OPA answers in our place (401, 400, …) into a response that Gatekeeper cannot
// mistake for "no objection".
func (p *Provider) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, prefix) || r.Context().Value(intakeKey{}) != nil {
			next.ServeHTTP(w, r)
			return
		}
		ctx := r.Context()
		body, err := p.readBody(w, r)
		var in intake
		if err == nil {
			in, err = p.read(r.Method, body)
		}
		if err != nil {
			p.refuse(ctx, w, http.StatusOK, operationOf(r), request{apiVersion: v1beta1}, err)
			return
		}
		r = r.WithContext(context.WithValue(ctx, intakeKey{}, in))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		answer := &interceptor{ResponseWriter: w}
		next.ServeHTTP(answer, r)
		if answer.status != 0 {
			p.refuse(ctx, w, answer.status, operationOf(r), request{apiVersion: v1beta1}, answer.reason())
		}
	})
}

// read reads the request in a body. Authorization would answer what is no JSON with
// a plain 400, so that is found out here; all else waits until it has been asked.
func (p *Provider) read(method string, body []byte) (intake, error) {
	if method != http.MethodPost {
		return intake{}, nil
	}
	req, err := parseRequest(body, p.settings().MaxKeys)
	if err != nil && !json.Valid(body) {
		return intake{}, errors.New("the body is not a ProviderRequest: not a JSON object")
	}
	return intake{req, err}, nil
}

// readBody reads a bounded body.
func (p *Provider) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost {
		return []byte{}, nil
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, fmt.Errorf("the body has Content-Encoding %s; send it uncompressed", quote(encoding))
	}
	limit := int64(p.settings().MaxBodyBytes)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		return nil, fmt.Errorf("the body has more than %d bytes (plugins.ratify.gatekeeper.max_body_bytes): %w", limit, errTooLarge)
	}
	if err != nil {
		return nil, errors.New("the body could not be read to its end")
	}
	return body, nil
}

// operationOf tells which route was meant, for the form of a refusal.
func operationOf(r *http.Request) operation {
	for _, o := range operations() {
		if r.URL.Path == o.path() {
			return o
		}
	}
	return operation{}
}

// interceptor lets a response of status 200 pass and keeps any other back.
type interceptor struct {
	http.ResponseWriter
	status int // of the response kept back, 0 if none
	passed bool
	body   bytes.Buffer
}

// WriteHeader decides by the status.
func (i *interceptor) WriteHeader(status int) {
	switch {
	case i.passed || i.status != 0:
	case status == http.StatusOK:
		i.passed = true
		i.ResponseWriter.WriteHeader(status)
	case status >= http.StatusOK:
		i.status = status
	}
}

// Write passes on, or keeps the first kilobytes of what is kept back.
func (i *interceptor) Write(b []byte) (int, error) {
	i.WriteHeader(http.StatusOK) // as net/http does if nobody said otherwise
	if i.status == 0 {
		return i.ResponseWriter.Write(b)
	}
	const kept = 4 << 10
	if room := kept - i.body.Len(); room > 0 {
		i.body.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

// reason is what OPA said, as one line.
func (i *interceptor) reason() error {
	var said struct{ Code, Message string }
	_ = json.Unmarshal(i.body.Bytes(), &said)
	detail := shorten(said.Message, 512)
	if detail == "" {
		detail = strings.ToLower(http.StatusText(i.status))
	}
	return fmt.Errorf("HTTP %d: %s: %w", i.status, detail, errRefused)
}

var errRefused = errors.New("nothing was decided")
