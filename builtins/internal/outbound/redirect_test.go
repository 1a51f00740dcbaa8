// SPDX-License-Identifier: Apache-2.0

package outbound_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// chain makes the requests of a redirect chain; all carry what net/http copies.
func chain(t *testing.T, hops ...string) (next *http.Request, via []*http.Request) {
	t.Helper()
	for _, hop := range hops {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, hop, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer t")
		req.Header.Set("Cookie", "c")
		req.Header.Set("Referer", "https://a.example/?sig=s")
		via = append(via, req)
	}
	return via[len(via)-1], via[:len(via)-1]
}

func TestCheckRedirect(t *testing.T) {
	t.Parallel()
	const origin = "https://a.example/x"
	for _, tt := range []struct {
		name     string
		hops     []string
		keeps    bool
		followed bool
	}{
		{"same origin", []string{origin, "https://a.example/y"}, true, true},
		{"same origin, port written", []string{origin, "https://A.example.:443/y"}, true, true},
		{"another host", []string{origin, "https://b.example/y"}, false, true},
		{"another port", []string{origin, "https://a.example:8443/y"}, false, true},
		{"subdomain", []string{origin, "https://b.a.example/y"}, false, true},
		{"there and back", []string{origin, "https://b.example/y", "https://a.example/z"}, false, true},
		{"to TLS", []string{"http://a.example/x", "https://a.example/x"}, false, true},
		{"to clear text", []string{origin, "http://a.example/x"}, false, false},
		{"to TLS and back", []string{"http://a.example/x", "https://a.example/x", "http://a.example/x"}, false, false},
		{"file", []string{origin, "file:///etc/passwd"}, false, false},
		{"five", []string{origin, origin, origin, origin, origin, origin}, true, true},
		{"six", []string{origin, origin, origin, origin, origin, origin, origin}, true, false},
	} {
		req, via := chain(t, tt.hops...)
		err := outbound.CheckRedirect(req, via)
		if (err == nil) != tt.followed || err != nil && !errors.Is(err, outbound.ErrRedirect) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil {
			continue
		}
		for _, name := range []string{"Authorization", "Cookie", "Referer"} {
			if kept := req.Header.Get(name) != ""; kept != tt.keeps {
				t.Errorf("%s: %s kept: %v", tt.name, name, kept)
			}
		}
	}
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"https://a.example", "HTTPS://A.EXAMPLE:443/x", true},
		{"http://a.example", "http://a.example:80", true},
		{"http://a.example:443", "https://a.example:443", false},
		{"https://[::1]:5000", "https://[::1]:5000", true},
		{"https://[::1]:5000", "https://[::2]:5000", false},
	} {
		a, errA := url.Parse(tt.a)
		b, errB := url.Parse(tt.b)
		if got := outbound.SameOrigin(a, b); errA != nil || errB != nil || got != tt.want {
			t.Errorf("%s %s: %v", tt.a, tt.b, got)
		}
	}
}
