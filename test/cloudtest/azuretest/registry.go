// SPDX-License-Identifier: Apache-2.0

package azuretest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// registryResource is what access tokens for registries are for.
const registryResource = "https://containerregistry.azure.net"

// RefreshLife is how long the refresh token of a registry lives.
const RefreshLife = 3 * time.Hour

// Registry is a registry of Azure: upstream behind the token services of the
// registry itself.
func (a *Azure) Registry(upstream http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/exchange", a.exchange)
	mux.HandleFunc("POST /oauth2/token", a.accessToken)
	mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		c, ok := a.registry.verify(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if !ok || c.Audience != r.Host || !strings.HasPrefix(c.Scope, "repository:") || a.Now().Unix() >= c.Expires {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/oauth2/token",service="%s"`, r.Host, r.Host))
			denied(w, "authentication required, visit https://aka.ms/acr/authorization for more information.")
			return
		}
		upstream.ServeHTTP(w, r)
	})
	return mux
}

func (a *Azure) exchange(w http.ResponseWriter, r *http.Request) {
	tenant := r.PostFormValue("tenant")
	switch {
	case r.PostFormValue("grant_type") != "access_token", r.PostFormValue("service") != r.Host:
		answer(w, http.StatusBadRequest, problems("BAD_REQUEST", "invalid grant_type or service"))
	case tenant != "" && tenant != a.Tenant, !a.allowed(r.PostFormValue("access_token"), registryResource):
		denied(w, "invalid token")
	default:
		answer(w, http.StatusOK, map[string]any{"refresh_token": a.RefreshToken(r.Host)})
	}
}

// RefreshToken is one of the registry at host: what `az acr login` leaves with Docker as
// an identity token.
func (a *Azure) RefreshToken(host string) string {
	return a.registry.sign(claims{Audience: host, Expires: a.Now().Add(RefreshLife).Unix()})
}

func (a *Azure) accessToken(w http.ResponseWriter, r *http.Request) {
	c, ok := a.registry.verify(r.PostFormValue("refresh_token"))
	if !ok || r.PostFormValue("grant_type") != "refresh_token" || r.PostFormValue("service") != r.Host || c.Audience != r.Host || c.Scope != "" || a.Now().Unix() >= c.Expires {
		denied(w, "invalid refresh token")
		return
	}
	access := claims{Audience: r.Host, Scope: r.PostFormValue("scope"), Expires: a.Now().Add(75 * time.Minute).Unix()}
	answer(w, http.StatusOK, map[string]any{"access_token": a.registry.sign(access)})
}

func denied(w http.ResponseWriter, message string) {
	w.Header().Set("X-Ms-Correlation-Request-Id", "request-1")
	answer(w, http.StatusUnauthorized, problems("UNAUTHORIZED", message))
}

func problems(code, message string) map[string]any {
	return map[string]any{"errors": []map[string]string{{"code": code, "message": message}}}
}
