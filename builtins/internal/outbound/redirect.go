// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// ErrRedirect is wrapped by every refusal to follow a redirect.
var ErrRedirect = errors.New("redirect refused")

// maxRedirects is enough for a registry that redirects to a CDN that redirects
// to storage; net/http's 10 only helps loops.
const maxRedirects = 5

// CheckRedirect is the redirect policy of every client: at most 5, never from
// https to http, and no Authorization, Cookie or Referer once a chain has left
// its first origin, port included (threat: credentials leaked to blob storage or
// to a neighbour's port). net/http rebuilds the headers of each hop from the
// first request, so leaving is judged over the whole chain.
func CheckRedirect(req *http.Request, via []*http.Request) error {
	if len(via) == 0 {
		return nil
	}
	last := via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d", ErrRedirect, maxRedirects)
	case req.URL.Scheme != "https" && req.URL.Scheme != "http":
		return fmt.Errorf("%w: from %s to a URL that is not http or https", ErrRedirect, last.Host)
	case last.Scheme == "https" && req.URL.Scheme == "http":
		return fmt.Errorf("%w: from https://%s to http://%s", ErrRedirect, last.Host, req.URL.Host)
	}
	if leftOrigin(req, via) {
		req.Header.Del("Authorization")
		req.Header.Del("Cookie")
		req.Header.Del("Referer")
		req.URL.User = nil
	}
	return nil
}

func leftOrigin(req *http.Request, via []*http.Request) bool {
	for _, hop := range via[1:] {
		if !SameOrigin(via[0].URL, hop.URL) {
			return true
		}
	}
	return !SameOrigin(via[0].URL, req.URL)
}

// SameOrigin reports whether a and b agree in scheme, host and port, default
// ports included.
//
// Spec: RFC 6454, section 4.
func SameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && HostPort(a) == HostPort(b)
}

// HostPort returns the host and port of u in one spelling: lower case, no
// trailing dot, the scheme's default port written out.
func HostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if strings.EqualFold(u.Scheme, "http") {
			port = "80"
		}
	}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") + ":" + port
}
