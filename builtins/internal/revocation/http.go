// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
)

// sightings collects what the responders said while one chain was checked:
// notation-core-go returns verdicts without their next update.
type sightings struct {
	chain []*x509.Certificate

	mu    sync.Mutex
	until time.Time
}

type sightingsKey struct{}

// note shortens the time for which the answer may be kept. Taking the earliest
// is safe even for words that turn out to be forged: those can only shorten it.
func (s *sightings) note(nextUpdate time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = earliest(s.until, nextUpdate)
}

func (s *sightings) nextUpdate() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.until
}

func sightingsOf(ctx context.Context) *sightings {
	s, _ := ctx.Value(sightingsKey{}).(*sightings)
	return s
}

// ErrTooLarge is wrapped when a responder's answer reaches its limit in bytes.
var ErrTooLarge = errors.New("the answer is too large")

// boundedClient returns the operator's client with bounded answers; as an OCSP
// client it also notes how long they are good.
func boundedClient(o Options, forOCSP bool) *http.Client {
	client := http.Client{Transport: noClient{}}
	if o.Client != nil {
		client = *o.Client
		if client.Transport == nil {
			client.Transport = http.DefaultTransport
		}
	}
	limits := limiter{base: client.Transport, limit: o.MaxCRLBytes}
	client.Transport = limits
	if forOCSP {
		client.Transport = recorder{base: limits, now: o.Now}
	}
	return &client
}

// limiter bounds the body of every answer, in bytes.
type limiter struct {
	base  http.RoundTripper
	limit int64
}

// RoundTrip implements http.RoundTripper.
func (l limiter) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = &bounded{ReadCloser: response.Body, left: l.limit}
	return response, nil
}

// recorder notes the next update of OCSP answers.
type recorder struct {
	base http.RoundTripper
	now  func() time.Time
}

// RoundTrip implements http.RoundTripper.
func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.base.RoundTrip(request)
	seen := sightingsOf(request.Context())
	if err != nil || seen == nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxOCSP+1))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	seen.note(r.until(body))
	return response, nil
}

// until returns the next update of an OCSP answer. Whether it is signed by the
// right party is the library's business; one that cannot be read is not kept.
func (r recorder) until(body []byte) time.Time {
	parsed, err := ocsp.ParseResponse(body, nil)
	if err != nil || parsed.NextUpdate.IsZero() {
		return r.now().Add(UnknownMaxAge)
	}
	return parsed.NextUpdate
}

// maxOCSP is notation-core-go's own bound for an OCSP answer, in bytes.
const maxOCSP = 20480

// bounded fails once more than its limit has been read; a cut body would be
// reported as damaged.
type bounded struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// errNoClient is the answer when the operator gave no client.
var errNoClient = errors.New("revocation checking has no HTTP client")

type noClient struct{}

// RoundTrip implements http.RoundTripper.
func (noClient) RoundTrip(*http.Request) (*http.Response, error) { return nil, errNoClient }
