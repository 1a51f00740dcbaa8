// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Token makes a registry demand bearer tokens, which its token server issues.
type Token struct {
	// Username and Password are demanded by the token server. Empty: it issues
	// tokens to anybody.
	Username, Password string
	// SeparateHost puts the token server on a port of its own.
	SeparateHost bool
	// Lifetime of a token. Zero: five minutes.
	Lifetime time.Duration
}

const (
	tokenPath       = "/token"
	tokenService    = "registrytest"
	defaultLifetime = 5 * time.Minute
)

// issuer is a token server: it issues opaque tokens for the scopes asked for and
// remembers what they are good for.
//
// Spec: Docker "Token Authentication Specification" (GET) and "OAuth2 Token
// Authentication" (POST, grant type password).
type issuer struct {
	options Token
	now     func() time.Time

	mu     sync.Mutex
	tokens map[string]grant
}

type grant struct {
	scopes  []string
	expires time.Time
}

func newIssuer(options Token, now func() time.Time) *issuer {
	if options.Lifetime == 0 {
		options.Lifetime = defaultLifetime
	}
	return &issuer{options: options, now: now, tokens: make(map[string]grant)}
}

// ServeHTTP answers a token for the scopes in the query or the form.
func (i *issuer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if err := req.ParseForm(); err != nil {
		writeError(w, http.StatusBadRequest)
		return
	}
	if req.Form.Get("service") != tokenService {
		writeError(w, http.StatusBadRequest)
		return
	}
	if !i.known(req) {
		w.Header().Set("WWW-Authenticate", `Basic realm="registrytest token server"`)
		writeError(w, http.StatusUnauthorized)
		return
	}
	token := i.issue(scopesOf(req))
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // a client that is gone needs no token
		"token":        token,
		"access_token": token,
		"expires_in":   int(i.options.Lifetime.Seconds()),
		"issued_at":    i.now().UTC().Format(time.RFC3339),
	})
}

func (i *issuer) known(req *http.Request) bool {
	if i.options.Username == "" {
		return true
	}
	if req.Method == http.MethodPost {
		return req.PostForm.Get("grant_type") == "password" &&
			req.PostForm.Get("username") == i.options.Username &&
			req.PostForm.Get("password") == i.options.Password
	}
	return Basic{i.options.Username, i.options.Password}.matches(req)
}

func (i *issuer) issue(scopes []string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	token := rand.Text()
	i.tokens[token] = grant{scopes: scopes, expires: i.now().Add(i.options.Lifetime)}
	return token
}

// problem is the error code of RFC 6750 for a request that needs scope, "" for none.
func (i *issuer) problem(token, scope string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	granted, ok := i.tokens[token]
	switch {
	case !ok, !i.now().Before(granted.expires):
		return "invalid_token"
	case scope != "" && !covers(granted.scopes, scope):
		return "insufficient_scope"
	default:
		return ""
	}
}

// scopesOf are the scopes a token request names: repeated, or separated by spaces.
func scopesOf(req *http.Request) []string {
	var scopes []string
	for _, value := range req.Form["scope"] {
		scopes = append(scopes, strings.Fields(value)...)
	}
	return scopes
}

// covers reports whether the granted scopes hold every action of the one needed.
func covers(granted []string, needed string) bool {
	repository, actions := cutActions(needed)
	var allowed []string
	for _, scope := range granted {
		if r, a := cutActions(scope); r == repository {
			allowed = append(allowed, a...)
		}
	}
	return !slices.ContainsFunc(actions, func(action string) bool {
		return !slices.Contains(allowed, action) && !slices.Contains(allowed, "*")
	})
}

// cutActions splits "repository:app:pull,push" at its last colon.
func cutActions(scope string) (resource string, actions []string) {
	i := strings.LastIndexByte(scope, ':')
	if i < 0 {
		return scope, nil
	}
	return scope[:i], strings.Split(scope[i+1:], ",")
}
