// SPDX-License-Identifier: Apache-2.0

package replicas_test

import (
	"io"
	"maps"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// address is one address in front of several servers: each connection goes to the
// next one that accepts it.
type address struct {
	url string

	mu       sync.Mutex
	backends []string
	next     int
	answered map[string]int // connections by backend
}

func newAddress(t *testing.T, servers []*servetest.Server) *address {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	a := &address{url: "https://" + l.Addr().String(), answered: map[string]int{}}
	for _, s := range servers {
		a.backends = append(a.backends, must(url.Parse(s.URL))(t).Host)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { a.forward(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return a
}

func (a *address) forward(client net.Conn) {
	defer client.Close()
	backend := a.connect()
	if backend == nil {
		return
	}
	defer backend.Close()
	var copying sync.WaitGroup
	copying.Go(func() {
		_, _ = io.Copy(backend, client)
		_ = backend.Close()
	})
	_, _ = io.Copy(client, backend)
	_ = client.Close()
	copying.Wait()
}

// connect returns a connection to the next server that accepts one.
func (a *address) connect() net.Conn {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range a.backends {
		host := a.backends[a.next%len(a.backends)]
		a.next++
		if c, err := net.Dial("tcp", host); err == nil {
			a.answered[host]++
			return c
		}
	}
	return nil
}

// connections counts them by server.
func (a *address) connections() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.answered)
}

// everyone says whether every server was connected to at least n times.
func (a *address) everyone(n int) bool {
	for _, connections := range a.connections() {
		if connections < n {
			return false
		}
	}
	return len(a.connections()) == len(a.backends)
}
