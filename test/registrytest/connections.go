// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"net"
	"net/http"
	"sync"
)

// Connections counts the clients' connections to all servers now: those that are
// open, and how many of them are at work on a request.
func (r *Registry) Connections() (open, active int) {
	for _, s := range []*server{r.main, r.token, r.blobs} {
		if s != nil {
			o, a := s.connections.count()
			open, active = open+o, active+a
		}
	}
	return open, active
}

// connections are those of one server, by their state.
type connections struct {
	mu     sync.Mutex
	states map[net.Conn]http.ConnState
}

// follow is an [http.Server.ConnState].
func (c *connections) follow(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.states, conn)
	default:
		if c.states == nil {
			c.states = map[net.Conn]http.ConnState{}
		}
		c.states[conn] = state
	}
}

func (c *connections) count() (open, active int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, state := range c.states {
		if state == http.StateActive {
			active++
		}
	}
	return len(c.states), active
}
