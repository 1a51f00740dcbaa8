// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"fmt"
	"net/http"
	"strings"
)

// Basic is the one account of a registry with basic authentication.
type Basic struct {
	Username, Password string
}

// matches reports whether req carries this account.
func (b Basic) matches(req *http.Request) bool {
	username, password, ok := req.BasicAuth()
	return ok && username == b.Username && password == b.Password
}

// authenticated answers 401 with a challenge to requests that do not carry what
// [Options] demands.
func (r *Registry) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if challenge := r.challenge(req); challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
			writeError(w, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// challenge is the value of WWW-Authenticate that req gets, "" if it may pass.
func (r *Registry) challenge(req *http.Request) string {
	switch {
	case r.options.Basic != nil && !r.options.Basic.matches(req):
		return `Basic realm="registrytest"`
	case r.issuer != nil:
		scope := scopeOf(req)
		token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
		if token == "" {
			return bearerChallenge(r.TokenURL(), scope, "")
		}
		if problem := r.issuer.problem(token, scope); problem != "" {
			return bearerChallenge(r.TokenURL(), scope, problem)
		}
	}
	return ""
}

// bearerChallenge is a challenge after RFC 6750, section 3.
func bearerChallenge(realm, scope, problem string) string {
	challenge := fmt.Sprintf(`Bearer realm=%q,service=%q`, realm, tokenService)
	if scope != "" {
		challenge += fmt.Sprintf(`,scope=%q`, scope)
	}
	if problem != "" {
		challenge += fmt.Sprintf(`,error=%q`, problem)
	}
	return challenge
}

// scopeOf is the scope a request needs: "repository:app:pull", or "" for the ping.
func scopeOf(req *http.Request) string {
	_, repo, _ := parsePath(ServerRegistry, req.URL.Path)
	if repo == "" {
		return ""
	}
	actions := "pull"
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		actions = "pull,push"
	}
	return "repository:" + repo + ":" + actions
}
