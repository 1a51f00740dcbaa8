// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// leaders lets one request at a time open a connection to a host that may speak
// HTTP/2. net/http dials for each request of a burst that finds no connection:
// 50 TLS handshakes, of whose connections 49 are closed again. The others wait
// until the leader has its connection and share it; if it speaks HTTP/1.1 they
// dial side by side, and later bursts do not wait.
type leaders struct {
	mu      sync.Mutex
	opening map[string]chan struct{} // by host and port, closed when the leader has its connection
	http1   map[string]bool          // hosts seen to speak HTTP/1.1
}

const (
	// leaderPatience bounds the wait for the leader, who may have got the one
	// address of several that does not answer.
	leaderPatience = 250 * time.Millisecond
	// maxHTTP1 bounds the hosts remembered; redirects and certificates name them.
	maxHTTP1 = 1024
)

func (l *leaders) roundTrip(rt *http.Transport, req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" {
		return rt.RoundTrip(req)
	}
	host := HostPort(req.URL)
	connected := l.lead(req.Context(), host)
	if connected == nil {
		return rt.RoundTrip(req)
	}
	defer connected()
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected() }})
	resp, err := rt.RoundTrip(req.WithContext(ctx))
	if err == nil {
		resp.Request = req
		if resp.ProtoMajor == 1 {
			l.remember(host)
		}
	}
	return resp, err
}

// lead makes the request the leader and returns what to call when it has its
// connection, or waits for the leader there is and returns nil.
func (l *leaders) lead(ctx context.Context, host string) (connected func()) {
	l.mu.Lock()
	if l.http1[host] {
		l.mu.Unlock()
		return nil
	}
	if opening := l.opening[host]; opening != nil {
		l.mu.Unlock()
		await(ctx, opening)
		return nil
	}
	if l.opening == nil {
		l.opening = map[string]chan struct{}{}
	}
	opened := make(chan struct{})
	l.opening[host] = opened
	l.mu.Unlock()
	return sync.OnceFunc(func() {
		l.mu.Lock()
		delete(l.opening, host)
		l.mu.Unlock()
		close(opened)
	})
}

func await(ctx context.Context, opening <-chan struct{}) {
	timer := time.NewTimer(leaderPatience)
	defer timer.Stop()
	select {
	case <-opening:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (l *leaders) remember(host string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.http1 == nil || len(l.http1) >= maxHTTP1 {
		l.http1 = map[string]bool{}
	}
	l.http1[host] = true
}
