// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// Metadata returns the address of a machine's metadata service, and the transport
// that reaches it and nothing else: no proxy (it would answer with its own
// identity, and read ours) and no other address. The guarded transport of everything
// else never reaches that address. override, which an environment variable gives, may
// name a loopback address, where a stand-in listens; "" is none.
func Metadata(service, override string) (base string, transport http.RoundTripper, err error) {
	base = "http://" + service
	if override != "" {
		base, err = loopback(override)
		if err != nil {
			return "", nil, err
		}
	}
	host := base[len("http://"):]
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, "80")
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		d := net.Dialer{Timeout: metadataTimeout} // not the time of an admission request, where there is no such service
		return d.DialContext(ctx, network, host)
	}
	return base, &http.Transport{DialContext: dial, ResponseHeaderTimeout: 5 * time.Second, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute}, nil
}

const metadataTimeout = 2 * time.Second

func loopback(override string) (string, error) {
	u, err := url.Parse(override)
	if err != nil || u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
		return "", fmt.Errorf("metadata service %q: not http://address", override)
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err != nil || !addr.IsLoopback() {
		return "", fmt.Errorf("metadata service %q: clear text is for a loopback address only", override)
	}
	return "http://" + u.Host, nil
}
