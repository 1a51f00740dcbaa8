// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"
)

// Options configures a [Transport]. The zero value is usable.
type Options struct {
	// Policy says which addresses may be dialled. Zero: all but those nothing
	// may dial.
	Policy Policy
	// RootCAs are the authorities servers are checked against. Nil: the system's.
	RootCAs *x509.CertPool
	// DialTimeout bounds connecting, with DNS. Zero: 5 s.
	DialTimeout time.Duration
	// TLSTimeout bounds the TLS handshake. Zero: 5 s.
	TLSTimeout time.Duration
	// HeaderTimeout bounds the wait for an answer's header. Zero: 15 s.
	HeaderTimeout time.Duration
	// IdlePerHost is how many idle connections are kept to one host. Zero: 32.
	IdlePerHost int
	// Proxy chooses the proxy of a request; nil URL: none. Nil:
	// [http.ProxyFromEnvironment]. The proxy itself is the operator's choice and
	// is dialled whatever its address.
	Proxy func(*http.Request) (*url.URL, error)
}

// maxHeaderBytes bounds an answer's header: tokens of 16 KiB are known, and
// net/http's own limit of 1 MiB is more than an admission answer is worth.
const maxHeaderBytes = 128 << 10

// Transport is a guarded [http.RoundTripper]. It may be shared between
// goroutines, and should be: it keeps connections.
type Transport struct {
	options Options
	pools   atomic.Pointer[pools]
	leaders leaders
}

// pools are the connections of a transport.
type pools struct {
	direct  *http.Transport // dials what the policy allows
	proxied *http.Transport // dials proxies only
}

// NewTransport returns a transport with HTTP/2, keep-alive and TLS 1.2 or later.
// It never decompresses, so that bytes stay what their digest says.
func NewTransport(o Options) *Transport {
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	t := &Transport{options: o}
	t.pools.Store(newPools(o))
	return t
}

func newPools(o Options) *pools {
	p := &pools{direct: base(o), proxied: base(o)}
	timeout := cmp.Or(o.DialTimeout, 5*time.Second)
	p.direct.DialContext = o.Policy.Dialer(timeout)
	p.proxied.DialContext = (&net.Dialer{Timeout: timeout}).DialContext
	p.proxied.Proxy = o.Proxy
	p.proxied.OnProxyConnectResponse = tunnelled
	return p
}

// tunnelled names the proxy that refuses a tunnel: all that net/http says is
// "Not Found", as if the registry had.
func tunnelled(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("proxy %s does not let it through: %d %s", proxy.Host, answer.StatusCode, http.StatusText(answer.StatusCode))
}

func base(o Options) *http.Transport {
	return &http.Transport{
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		DisableCompression:     true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    cmp.Or(o.IdlePerHost, 32),
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    cmp.Or(o.TLSTimeout, 5*time.Second),
		ResponseHeaderTimeout:  cmp.Or(o.HeaderTimeout, 15*time.Second),
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// A connection of HTTP/2 on which nothing has arrived for pingAfter is asked for
// a sign of life, also between requests, and closed pingTimeout later: a firewall
// that forgot it costs no request its time.
const (
	pingAfter   = 3 * time.Second
	pingTimeout = 2 * time.Second
)

// RoundTrip implements [http.RoundTripper]. A refusal is a [*RefusedError].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.options.Policy.CheckName(req.URL.Hostname()); err != nil {
		closeBody(req)
		return nil, err
	}
	pools := t.pools.Load()
	proxy, err := t.options.Proxy(req)
	switch {
	case err != nil:
		closeBody(req)
		return nil, fmt.Errorf("choose proxy for %s: the proxy setting is not a URL", req.URL.Host)
	case proxy != nil && !t.options.Policy.Loopback: // what must stay on the machine goes through nobody
		return t.leaders.roundTrip(pools.proxied, req)
	default:
		return t.leaders.roundTrip(pools.direct, req)
	}
}

// CloseIdleConnections drops the connections nobody uses.
func (t *Transport) CloseIdleConnections() {
	p := t.pools.Load()
	p.direct.CloseIdleConnections()
	p.proxied.CloseIdleConnections()
}

// Renew makes every request from now on use a connection that is dialled from now
// on. Requests under way go on with theirs.
func (t *Transport) Renew() {
	old := t.pools.Swap(newPools(t.options))
	old.direct.CloseIdleConnections()
	old.proxied.CloseIdleConnections()
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// Dialer opens connections, with DNS within timeout, and checks each address that a name resolved to just before it is
// connected: between the check and the use there is no second DNS answer.
func (p Policy) Dialer(timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: timeout, Control: p.control(address)}
		return d.DialContext(ctx, network, address)
	}
}

func (p Policy) control(asked string) func(string, string, syscall.RawConn) error {
	host, _, err := net.SplitHostPort(asked)
	if err != nil {
		host = asked
	}
	return func(_, resolved string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return &RefusedError{Host: host, Reason: "not at an IP address"}
		}
		return p.Check(host, addr.Addr())
	}
}
