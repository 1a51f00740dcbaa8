// SPDX-License-Identifier: Apache-2.0

package outbound_test

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// overTLS starts a server and a transport that trusts it.
func overTLS(t *testing.T, http2 bool, h http.HandlerFunc) (*httptest.Server, *outbound.Transport) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = http2
	server.StartTLS()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	rt := outbound.NewTransport(outbound.Options{Proxy: direct, RootCAs: roots, IdlePerHost: 64})
	t.Cleanup(func() {
		rt.CloseIdleConnections()
		server.Close()
	})
	return server, rt
}

// burst sends n requests at once and returns how many connections were dialled.
func burst(t *testing.T, rt http.RoundTripper, target string, n int) int64 {
	t.Helper()
	var dialled atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{ConnectStart: func(string, string) { dialled.Add(1) }})
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return dialled.Load()
}

func TestBurstSharesOneConnectionOfHTTP2(t *testing.T) {
	t.Parallel()
	server, rt := overTLS(t, true, func(http.ResponseWriter, *http.Request) {})
	for i := range 3 {
		if n := burst(t, rt, server.URL, 50); n > 2 {
			t.Errorf("burst %d: %d connections", i, n)
		}
		rt.Renew()
	}
}

func TestBurstOfHTTP1KeepsItsConnections(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 64)
	var gather atomic.Pointer[chan struct{}]
	server, rt := overTLS(t, false, func(http.ResponseWriter, *http.Request) {
		if release := gather.Load(); release != nil {
			arrived <- struct{}{}
			<-*release
		}
	})
	burst(t, rt, server.URL, 1)
	for i, most := range []int64{32, 0} {
		release := make(chan struct{})
		gather.Store(&release)
		go func() {
			for range 32 {
				<-arrived
			}
			close(release)
		}()
		if n := burst(t, rt, server.URL, 32); n > most {
			t.Errorf("burst %d: %d connections, want at most %d", i, n, most)
		}
	}
}

// A request that is not answered keeps no other from a connection.
func TestLeaderIsWaitedForOnlyUntilItHasAConnection(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 8), make(chan struct{})
	server, rt := overTLS(t, true, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			arrived <- struct{}{}
			<-release
		}
	})
	held := make(chan struct{})
	go func() {
		defer close(held)
		burst(t, rt, server.URL+"/held", 1)
	}()
	<-arrived
	began := time.Now()
	for range 10 {
		burst(t, rt, server.URL, 1)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("ten requests beside one that hangs took %v", took)
	}
	close(release)
	<-held
}

func TestRenewLeavesOldConnectionsAlone(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{true, false} {
		server, rt := overTLS(t, http2, func(http.ResponseWriter, *http.Request) {})
		got := []int64{burst(t, rt, server.URL, 1), burst(t, rt, server.URL, 1)}
		rt.Renew()
		got = append(got, burst(t, rt, server.URL, 1))
		if got[0] != 1 || got[1] != 0 || got[2] != 1 {
			t.Errorf("HTTP/2 %v: %d connections before, between and after, want 1, 0, 1", http2, got)
		}
	}
}
