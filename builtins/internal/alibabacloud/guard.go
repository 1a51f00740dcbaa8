// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// maxAnswer bounds an answer's body, in bytes: a secret of KMS has at most
// 32 KiB, a page of key versions or instances less than 100 KiB.
const maxAnswer = 1 << 20

// errGuard is wrapped by what the guard refuses; asking again does not help.
var errGuard = errors.New("refused")

// exchange is what the guard saw of one call.
type exchange struct {
	status    int    // 0: no answer
	requestID string // of the answer's header
	err       error  // nil: there was an answer
}

// guard is the transport of one call: HTTPS to the host that was meant, bound to
// the caller's context, without redirects, with a limit to the answer.
type guard struct {
	ctx  context.Context //nolint:containedctx // the SDK has no other way to pass it
	host string
	base http.RoundTripper
	seen *exchange
}

// RoundTrip implements [http.RoundTripper].
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := g.roundTrip(req)
	g.seen.err = err
	return resp, err
}

func (g *guard) roundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" || req.URL.Host != g.host {
		return nil, fmt.Errorf("%w: a request to %s://%s, which is not https://%s", errGuard, req.URL.Scheme, req.URL.Host, g.host)
	}
	resp, err := g.base.RoundTrip(req.WithContext(g.ctx))
	if err != nil {
		if g.ctx.Err() != nil {
			return nil, g.ctx.Err()
		}
		return nil, err
	}
	g.seen.status, g.seen.requestID = resp.StatusCode, cleanRequestID(resp.Header.Get("X-Acs-Request-Id"))
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%w: %s answers with a redirect (%d), which is not followed with a signed request", errGuard, g.host, resp.StatusCode)
	}
	resp.Body = &limited{body: resp.Body, left: maxAnswer, seen: g.seen}
	return resp, nil
}

// limited fails a body that is longer than it may be.
type limited struct {
	body io.ReadCloser
	left int64
	seen *exchange
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.body.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		err = fmt.Errorf("%w: the answer exceeds %d bytes: %w", errGuard, maxAnswer, outbound.ErrTooLarge)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		l.seen.err = err
	}
	return n, err
}

func (l *limited) Close() error { return l.body.Close() }
