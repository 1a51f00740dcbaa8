// SPDX-License-Identifier: Apache-2.0

// Package hosts is a small internet of handlers for tests.
package hosts

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Hosts is a small internet of handlers for tests of one package: whatever host is
// asked, one server on loopback answers for it, without TLS.
type Hosts struct {
	transport *http.Transport

	mu   sync.Mutex
	seen []string
}

// New serves handlers by host name until the test ends. A host without a
// handler answers 502 and is recorded as every other.
func New(tb testing.TB, handlers map[string]http.Handler) *Hosts {
	tb.Helper()
	h := &Hosts{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.seen = append(h.seen, r.Method+" "+r.Host+r.URL.Path)
		h.mu.Unlock()
		if handler, ok := handlers[r.Host]; ok {
			handler.ServeHTTP(w, r)
			return
		}
		http.Error(w, "no such host", http.StatusBadGateway)
	}))
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
	h.transport = &http.Transport{DialContext: dial, DialTLSContext: dial}
	tb.Cleanup(func() {
		h.transport.CloseIdleConnections()
		server.CloseClientConnections()
		server.Close()
	})
	return h
}

// Transport reaches the handlers by https and http.
func (h *Hosts) Transport() http.RoundTripper { return h.transport }

// Requests lists what was asked, "POST host/path", in order.
func (h *Hosts) Requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.seen)
}
