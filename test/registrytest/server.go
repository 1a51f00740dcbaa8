// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// server is one HTTP server on one port, ended by close.
type server struct {
	host   string // "127.0.0.1:41234"
	scheme string // "http" or "https"
	http   *http.Server
	cancel context.CancelFunc
	accept chan struct{} // closed when the accept loop has ended

	connections connections
	accepted    *acceptor

	mu       sync.Mutex
	closed   bool
	handlers sync.WaitGroup // added to under mu and only while not closed
}

// startServer serves h on addr (empty: a free port of 127.0.0.1), over TLS if ca is
// not nil.
func startServer(addr string, ca *authority, h http.Handler) (*server, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start registry: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{
		host:   listener.Addr().String(),
		scheme: "http",
		cancel: cancel,
		accept: make(chan struct{}),

		accepted: &acceptor{Listener: listener, dead: make(chan struct{})},
	}
	s.http = &http.Server{
		Handler:     s.counted(h),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState:   s.connections.follow,
		ErrorLog:    log.New(io.Discard, "", 0), // aborted handshakes are the clients' tests
	}
	serve := s.http.Serve
	if ca != nil {
		s.scheme = "https"
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{ca.server}, MinVersion: tls.VersionTLS12}
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	go func() {
		defer close(s.accept)
		_ = serve(s.accepted) // always http.ErrServerClosed or a closed listener
	}()
	return s, nil
}

func (s *server) url() string { return s.scheme + "://" + s.host }

// close ends the listener, the connections and the handlers, in this order.
func (s *server) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	_ = s.http.Close() // the errors are those of connections that are gone
	<-s.accept
	s.handlers.Wait()
}

// counted lets close wait for the handlers that run.
func (s *server) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !s.enter() {
			panic(http.ErrAbortHandler)
		}
		defer s.handlers.Done()
		h.ServeHTTP(w, req)
	})
}

func (s *server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.handlers.Add(1)
	return true
}
