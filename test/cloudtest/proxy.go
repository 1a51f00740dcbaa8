// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Proxy is a running proxy with its hosts.
type Proxy struct {
	hosts     map[string]http.Handler
	authority *authority
	caFile    string
	front     *httptest.Server // speaks to clients
	tunnels   *tunnels         // CONNECTed connections, on their way to inside
	inside    *http.Server     // is the hosts

	mu       sync.Mutex
	requests []Request
}

// Request is one request, or one attempt to connect to a host without a handler.
type Request struct {
	Host    string // as asked for, without the port 443
	Method  string // CONNECT if no handler has it
	Path    string
	Refused bool // there is no handler
}

// Start serves hosts until the test ends. A key is a host name, with a port unless
// it is 443 (https) or 80 (http); "*.example" is every name with one more label.
func Start(tb testing.TB, hosts map[string]http.Handler) *Proxy {
	tb.Helper()
	p := &Proxy{hosts: hosts, tunnels: &tunnels{conns: make(chan net.Conn), closed: make(chan struct{})}}
	var err error
	if p.authority, err = newAuthority(); err != nil {
		tb.Fatal(err)
	}
	p.caFile = filepath.Join(tb.TempDir(), "ca.pem")
	if err := p.authority.write(p.caFile); err != nil {
		tb.Fatal(err)
	}
	quiet := log.New(io.Discard, "", 0)
	p.inside = &http.Server{
		Handler: http.HandlerFunc(p.serve), ErrorLog: quiet,
		TLSConfig: &tls.Config{GetCertificate: p.authority.certificate, MinVersion: tls.VersionTLS12},
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.inside.ServeTLS(p.tunnels, "", "")
	}()
	p.front = httptest.NewUnstartedServer(http.HandlerFunc(p.connect))
	p.front.Config.ErrorLog = quiet
	p.front.Start()
	tb.Cleanup(func() {
		_ = p.inside.Close()
		<-done
		p.front.Close()
	})
	return p
}

// URL is the proxy's, for HTTPS_PROXY and HTTP_PROXY.
func (p *Proxy) URL() string { return p.front.URL }

// CAFile is the PEM file of the authority, for SSL_CERT_FILE.
func (p *Proxy) CAFile() string { return p.caFile }

// Roots is the authority as a pool.
func (p *Proxy) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.authority.root)
	return pool
}

// Choose is the Proxy function of a transport that goes through p.
func (p *Proxy) Choose(*http.Request) (*url.URL, error) { return url.Parse(p.front.URL) }

// Env is the environment of a process that goes through p.
func (p *Proxy) Env() []string {
	return []string{
		"HTTPS_PROXY=" + p.URL(), "HTTP_PROXY=" + p.URL(), "NO_PROXY=", "SSL_CERT_FILE=" + p.caFile, "SSL_CERT_DIR=" + filepath.Dir(p.caFile),
	}
}

// Requests returns what arrived so far, in order.
func (p *Proxy) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.requests...)
}

// Count is the number of requests of a host that a handler had.
func (p *Proxy) Count(host string) int {
	n := 0
	for _, r := range p.Requests() {
		if r.Host == host && !r.Refused {
			n++
		}
	}
	return n
}

func (p *Proxy) record(r Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r)
}

// handler finds who serves host, nil if nobody does.
func (p *Proxy) handler(host string) http.Handler {
	if h := p.hosts[host]; h != nil {
		return h
	}
	_, parent, _ := strings.Cut(host, ".")
	return p.hosts["*."+parent]
}

// connect is what clients of the proxy speak to: CONNECT, or a request for http.
func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		p.serve(w, r)
		return
	}
	host := strings.TrimSuffix(r.Host, ":443")
	if p.handler(host) == nil {
		p.record(Request{Host: host, Method: r.Method, Refused: true})
		http.Error(w, "no such host", http.StatusBadGateway)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := fmt.Fprint(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = conn.Close()
		return
	}
	p.tunnels.put(conn)
}

// serve is the hosts.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	host := strings.TrimSuffix(strings.TrimSuffix(r.Host, ":443"), ":80")
	handler := p.handler(host)
	p.record(Request{Host: host, Method: r.Method, Path: r.URL.Path, Refused: handler == nil})
	if handler == nil {
		http.Error(w, "no such host", http.StatusBadGateway)
		return
	}
	handler.ServeHTTP(w, r)
}

// tunnels is a listener whose connections came out of CONNECT.
type tunnels struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (t *tunnels) put(conn net.Conn) {
	select {
	case t.conns <- conn:
	case <-t.closed:
		_ = conn.Close()
	}
}

// Accept implements [net.Listener].
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case conn := <-t.conns:
		return conn, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

// Addr implements [net.Listener].
func (*tunnels) Addr() net.Addr { return &net.TCPAddr{} }
