// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"maps"
	"net/http"
)

// Status answers with code and header (Retry-After, for example; nil for none) and the
// error body of the specification.
func Status(code int, header http.Header) Action {
	return Custom(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), header)
			writeError(w, code)
		})
	})
}

// Redirect answers 307 to location, whatever was asked for.
func Redirect(location string) Action {
	return Custom(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, location, http.StatusTemporaryRedirect)
		})
	})
}

// Realm challenges with a bearer realm of the caller's choice: another host, plain
// HTTP, a metadata address. Requests that carry a token pass on.
func Realm(realm string) Action {
	action := Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Header.Get("Authorization") != "" {
				next.ServeHTTP(w, req)
				return
			}
			w.Header().Set("WWW-Authenticate", bearerChallenge(realm, scopeOf(req), ""))
			writeError(w, http.StatusUnauthorized)
		})
	})
	action.beforeAuth = true
	return action
}

// Challenge answers 401 with a WWW-Authenticate header of the caller's choice, to every
// request, so that no credential ever helps.
func Challenge(header string) Action {
	action := Status(http.StatusUnauthorized, http.Header{"Www-Authenticate": {header}})
	action.beforeAuth = true
	return action
}
