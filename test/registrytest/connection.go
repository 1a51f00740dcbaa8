// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"net"
	"sync"
)

// Accepted is the number of connections that a server has accepted so far.
func (r *Registry) Accepted(s Server) int {
	if at := r.servers()[s]; at != nil {
		return at.accepted.count()
	}
	return 0
}

// Freeze makes all connections of the moment silent, at all servers: nothing that
// arrives on them is answered and nothing is closed, as when a firewall forgets them.
// New connections work.
func (r *Registry) Freeze() {
	for _, s := range r.servers() {
		if s != nil {
			s.accepted.freeze()
		}
	}
}

func (r *Registry) servers() map[Server]*server {
	return map[Server]*server{ServerRegistry: r.main, ServerToken: r.token, ServerBlobs: r.blobs}
}

// acceptor counts what a listener accepts.
type acceptor struct {
	net.Listener

	mu       sync.Mutex
	accepted int
	dead     chan struct{} // closed by the next freeze
}

func (c *acceptor) Accept() (net.Conn, error) {
	accepted, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted++
	return &connection{Conn: accepted, dead: c.dead, closed: make(chan struct{})}, nil
}

func (c *acceptor) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted
}

func (c *acceptor) freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.dead)
	c.dead = make(chan struct{})
}

// connection is silent from when dead is closed.
type connection struct {
	net.Conn

	dead   <-chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	select {
	case <-c.dead:
		<-c.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c *connection) Write(p []byte) (int, error) {
	select {
	case <-c.dead:
		return len(p), nil
	default:
		return c.Conn.Write(p)
	}
}

func (c *connection) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
