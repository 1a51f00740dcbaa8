// SPDX-License-Identifier: Apache-2.0

package awstest

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// PasswordLife is how long a registry's password is good.
const PasswordLife = 12 * time.Hour

// password makes a password of the account's registries, and says how long it is
// good.
func (a *AWS) password() (password string, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	password, until = rand.Text(), a.Now().Add(PasswordLife)
	a.passwords[password] = until
	return password, until
}

// Passwords returns how many passwords were given.
func (a *AWS) Passwords() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.passwords)
}

// Accepts reports whether the account's registries accept a user name and password.
func (a *AWS) Accepts(user, password string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return user == "AWS" && a.Now().Before(a.passwords[password])
}

// Registry is ACCOUNT.dkr.ecr.REGION.amazonaws.com: upstream for whoever has a
// password.
func (a *AWS) Registry(upstream http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); !a.Accepts(user, password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="https://`+r.Host+`/",service="ecr.amazonaws.com"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		upstream.ServeHTTP(w, r)
	})
}

// ECRPublic is api.ecr-public.us-east-1.amazonaws.com.
func (a *AWS) ECRPublic() http.Handler {
	return a.signed("ecr-public", func(w http.ResponseWriter, target string, _ []byte) {
		if target != "SpencerFrontendService.GetAuthorizationToken" {
			refuse(w, "InvalidParameterException")
			return
		}
		password, until := a.password()
		answer(w, http.StatusOK, map[string]any{"authorizationData": map[string]any{
			"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:" + password)), "expiresAt": float64(until.UnixMilli()) / 1000,
		}})
	})
}

// PublicRegistry is public.ecr.aws with its token server: upstream for everybody. who
// is told of each request whether somebody known made it.
func (a *AWS) PublicRegistry(upstream http.Handler, who func(known bool)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token/", func(w http.ResponseWriter, r *http.Request) {
		user, password, given := r.BasicAuth()
		switch {
		case !given:
			answer(w, http.StatusOK, map[string]any{"token": "anonymous"})
		case a.Accepts(user, password):
			answer(w, http.StatusOK, map[string]any{"token": "known-" + password})
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		password, known := strings.CutPrefix(token, "known-")
		if known = known && a.Accepts("AWS", password); !known && token != "anonymous" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/token/",service="%s",scope="aws"`, r.Host, r.Host))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		who(known)
		upstream.ServeHTTP(w, r)
	})
	return mux
}
