// SPDX-License-Identifier: Apache-2.0

package awstest

import (
	"crypto/rand"
	"net/http"
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
