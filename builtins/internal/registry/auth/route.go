// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"fmt"
	"net/http"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// route sends each hop of a token request over the transport its host deserves,
// so that a redirect from a trusted token server cannot reach an internal
// address by way of a stranger.
type route struct{ a *Authorizer }

// RoundTrip implements [http.RoundTripper].
func (r route) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.a.realms.standing(req.URL) == trusted {
		return r.a.o.Transport(req.URL.Host).RoundTrip(req)
	}
	return r.a.o.Public.RoundTrip(req)
}

// checkRedirect applies the realm policy to each hop and refuses to resend a
// form, which holds the identity token, to another origin (GHSA-xc97-9f2f-9hrx).
func (a *Authorizer) checkRedirect(req *http.Request, via []*http.Request) error {
	withBody := req.Body != nil && req.Body != http.NoBody
	if withBody && !outbound.SameOrigin(via[0].URL, req.URL) {
		return fmt.Errorf("%w: the token server redirects a form to %s", ErrRealm, req.URL.Host)
	}
	if err := outbound.CheckRedirect(req, via); err != nil {
		return err
	}
	return a.realms.check(req.URL, req.Header.Get("Authorization") != "" || withBody)
}
