// SPDX-License-Identifier: Apache-2.0

package googletest

import (
	"crypto/rand"
	"net/http"
	"strings"
	"time"
)

// Registry is LOCATION-docker.pkg.dev with its token server: upstream for whoever has
// an access token.
func (g *Google) Registry(upstream http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/token", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "oauth2accesstoken" || !g.good(password) || r.URL.Query().Get("scope") == "" {
			refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", "Unauthenticated request.")
			return
		}
		answer(w, http.StatusOK, map[string]any{"token": g.bearer(), "expires_in": 3600})
	})
	mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		if !g.good(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://`+r.Host+`/v2/token",service="`+r.Host+`"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		upstream.ServeHTTP(w, r)
	})
	return mux
}

// good reports whether a token was given, by the metadata server or the registry, and
// has not expired.
func (g *Google) good(token string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Now().Before(g.tokens[token]) || g.Now().Before(g.bearers[token])
}

func (g *Google) bearer() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	token := rand.Text()
	g.bearers[token] = g.Now().Add(time.Hour)
	return token
}
