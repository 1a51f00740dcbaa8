// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// server is an HTTP server on a free loopback port.
type server struct {
	url    string // "http://127.0.0.1:41234"
	http   *http.Server
	cancel context.CancelFunc
	done   chan struct{}
}

func startServer(h http.Handler) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{
		url: "http://" + listener.Addr().String(),
		http: &http.Server{
			Handler:           h,
			ReadHeaderTimeout: time.Minute,
			BaseContext:       func(net.Listener) context.Context { return ctx },
		},
		cancel: cancel,
		done:   make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // always http.ErrServerClosed or a closed listener
	}()
	return s, nil
}

// close ends the server and cancels the requests under way.
func (s *server) close() {
	s.cancel()
	_ = s.http.Close() // the errors are those of connections that are gone
	<-s.done
}
