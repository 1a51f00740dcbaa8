// SPDX-License-Identifier: Apache-2.0

package outbound_test

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	public := outbound.Policy{Public: true}
	loopback := outbound.Policy{Loopback: true}
	allowed := outbound.Policy{Public: true, Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fd00::/8")}}
	for _, tt := range []struct {
		addrs   string
		policy  outbound.Policy
		refused bool
	}{
		{"8.8.8.8 2606:4700::1111", public, false},
		{"10.0.0.1 172.16.0.1 192.168.1.1 127.0.0.1 ::1 100.64.0.1 fd00::1", outbound.Policy{}, false},
		{"10.0.0.1 172.31.0.1 192.168.1.1 127.0.0.53 ::1 100.64.0.1 fd00::1 fec0::1 198.18.0.1 192.0.0.1 2001:db8::1", public, true},
		{"::ffff:10.0.0.1 ::ffff:127.0.0.1 64:ff9b::a00:1 2002:a00:1::1 64:ff9b::7f00:1", public, true},
		{"10.1.2.3 fd12::1 ::ffff:10.1.2.3 8.8.8.8", allowed, false},
		{"192.168.1.1 127.0.0.1", allowed, true},
		{"169.254.169.254 169.254.1.1 fe80::1 fe80::1%eth0 100.100.100.200 fd00:ec2::254 168.63.129.16 192.0.0.192", outbound.Policy{}, true},
		{"169.254.169.254 169.254.170.2 fd00:ec2::254", allowed, true},
		{"::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1", outbound.Policy{}, true},
		{"0.0.0.0 0.0.0.1 :: 224.0.0.1 ff02::1 255.255.255.255 240.0.0.1", outbound.Policy{}, true},
		{"127.0.0.1 127.9.9.9 ::1 ::ffff:127.0.0.1", loopback, false},
		{"10.0.0.1 8.8.8.8 fe80::1 0.0.0.0", loopback, true},
	} {
		for addr := range strings.FieldsSeq(tt.addrs) {
			err := tt.policy.Check("host.example", netip.MustParseAddr(addr))
			var refused *outbound.RefusedError
			if (err != nil) != tt.refused || err != nil && !(errors.Is(err, outbound.ErrRefused) && errors.As(err, &refused)) {
				t.Errorf("%+v: %s: %v", tt.policy, addr, err)
			}
		}
	}
	if err := public.Check("host", netip.Addr{}); err == nil {
		t.Error("no address is allowed")
	}
}

func TestRefusalNamesTheRemedy(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"10.1.2.3":        `outbound request refused: "crl.example" is at 10.1.2.3, a private address; to allow it, add 10.1.2.3/32 to outbound.allow`,
		"169.254.169.254": `outbound request refused: "crl.example" is at 169.254.169.254, a cloud metadata address; no setting allows it`,
	} {
		err := outbound.Policy{Public: true}.Check("crl.example", netip.MustParseAddr(addr))
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestNamesAreRefusedBeforeDNS(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"metadata.google.internal", "Metadata.Google.Internal.", "169.254.169.254", "fe80::1", "localhost", "a.localhost", "127.0.0.1"} {
		if err := (outbound.Policy{Public: true}).CheckName(host); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"registry.example", "localhost.example", "8.8.8.8"} {
		if err := (outbound.Policy{Public: true}).CheckName(host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// direct never uses a proxy, whatever the environment says.
func direct(*http.Request) (*url.URL, error) { return nil, nil } //nolint:nilnil // no proxy

// get returns the body that target answers.
func get(t *testing.T, rt http.RoundTripper, target string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := outbound.ReadAll(resp.Body, 1<<10)
	return string(body), err
}

func TestPrivateIsAllowedUnlessPublic(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	defer server.Close()
	for _, tt := range []struct {
		policy outbound.Policy
		want   int
	}{
		{outbound.Policy{Public: true}, 0},
		{outbound.Policy{Public: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, 1},
		{outbound.Policy{}, 2},
	} {
		rt := outbound.NewTransport(outbound.Options{Proxy: direct, Policy: tt.policy})
		_, err := get(t, rt, server.URL)
		if len(reached) != tt.want {
			t.Errorf("%+v: %d requests arrived, want %d: %v", tt.policy, len(reached), tt.want, err)
		}
		rt.CloseIdleConnections()
	}
}

func TestDialGuardAfterDNS(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := outbound.Dial(outbound.Policy{Public: true})(t.Context(), "tcp", net.JoinHostPort("localhost", port))
	if !errors.Is(err, outbound.ErrRefused) {
		t.Errorf("dialled a name that is at loopback: %v, %v", conn, err)
	}
	if !strings.Contains(err.Error(), "localhost") || !strings.Contains(err.Error(), "outbound.allow") {
		t.Errorf("the error does not name host and setting: %v", err)
	}
}

func TestProxyIsTheOperatorsChoice(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "proxied "+r.URL.String())
	}))
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	rt := outbound.NewTransport(outbound.Options{Policy: outbound.Policy{Public: true}, Proxy: http.ProxyURL(u)})
	defer rt.CloseIdleConnections()
	if body, err := get(t, rt, "http://registry.example/v2/"); err != nil || body != "proxied http://registry.example/v2/" {
		t.Errorf("got %q, %v", body, err)
	}
	for _, target := range []string{"http://169.254.169.254/", "http://10.0.0.1/", "http://metadata.google.internal/", "http://[fe80::1]/"} {
		if _, err := get(t, rt, target); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s through a proxy: %v", target, err)
		}
	}
}

func TestLoopbackNeverGoesThroughAProxy(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	rt := outbound.NewTransport(outbound.Options{Policy: outbound.Policy{Loopback: true}, Proxy: http.ProxyURL(u)})
	defer rt.CloseIdleConnections()
	if _, err := get(t, rt, server.URL); err != nil {
		t.Error(err)
	}
}

func TestBrokenProxySettingKeepsItsPassword(t *testing.T) {
	t.Parallel()
	rt := outbound.NewTransport(outbound.Options{Proxy: func(*http.Request) (*url.URL, error) {
		return nil, errors.New("parse http://user:hunter2@%zz")
	}})
	if _, err := get(t, rt, "http://registry.example/"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	rt := outbound.NewTransport(outbound.Options{Proxy: direct})
	if _, err := get(t, rt, server.URL); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsDecompressed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "accepted: "+r.Header.Get("Accept-Encoding"))
	}))
	defer server.Close()
	rt := outbound.NewTransport(outbound.Options{Proxy: direct})
	defer rt.CloseIdleConnections()
	if body, err := get(t, rt, server.URL); err != nil || body != "accepted: " {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestReadAll(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit int64
		want  string
		err   error
	}{{5, "hello", nil}, {9, "hello", nil}, {4, "hell", outbound.ErrTooLarge}, {0, "", outbound.ErrTooLarge}} {
		got, err := outbound.ReadAll(strings.NewReader("hello"), tt.limit)
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("limit %d: %q, %v", tt.limit, got, err)
		}
	}
}
