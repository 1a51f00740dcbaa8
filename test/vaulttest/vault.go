// SPDX-License-Identifier: Apache-2.0

// Package vaulttest is a server that speaks as much of the HTTP API of HashiCorp
// Vault and OpenBao as reading a transit key takes: logging in by token, Kubernetes
// and AppRole, namespaces, "read key", and the errors of each. It also runs a real
// Vault, with which `make interop-vault` compares that server.
//
// Spec: Vault API, "Transit secrets engine", "Kubernetes auth method", "AppRole
// auth method".
package vaulttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Key is a transit key.
type Key struct {
	Type string // "ecdsa-p256"
	// Versions are public keys as the engine gives them, the oldest first: PEM for
	// RSA and ECDSA, base64 for Ed25519, "" for a symmetric key.
	Versions []string
	Oldest   int  // min_decryption_version: older ones are not listed; 0: 1
	Derived  bool // has no public key of its own
	Deleted  bool // soft-deleted, as OpenBao has it
}

// Vault is an [http.Handler]. Its fields are changed by [Vault.Change].
type Vault struct {
	// Namespace that must be named, as Vault Enterprise and OpenBao have it. "": what is
	// named makes no difference.
	Namespace string
	// Token that is accepted beside those of logins. "": none.
	Token string
	// Roles maps a Kubernetes role to the service account token it accepts.
	Roles map[string]string
	// AppRoles maps role ids to secret ids.
	AppRoles map[string]string
	// Lease of tokens, in seconds. 0: 3600.
	Lease int
	// Keys of the mount "transit", by name.
	Keys map[string]Key
	// Forbidden are keys that no token may read.
	Forbidden map[string]bool
	// Status, if not 0, is the answer to everything: 503 is a sealed Vault.
	Status int
	// Redirect, if not "", is where everything is redirected.
	Redirect string

	mu       sync.Mutex
	earned   map[string]bool
	logins   int
	requests int
}

// Change changes the server between requests.
func (v *Vault) Change(how func(*Vault)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	how(v)
}

// Logins returns how many logins were good, Requests how many requests came.
func (v *Vault) Logins() int { v.mu.Lock(); defer v.mu.Unlock(); return v.logins }

// Requests returns how many requests came.
func (v *Vault) Requests() int { v.mu.Lock(); defer v.mu.Unlock(); return v.requests }

// Revoke makes every earned token worthless.
func (v *Vault) Revoke() { v.Change(func(v *Vault) { v.earned = nil }) }

// ServeHTTP implements [http.Handler].
func (v *Vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests++
	name, isKey := strings.CutPrefix(r.URL.Path, "/v1/transit/keys/")
	switch {
	case v.Redirect != "":
		http.Redirect(w, r, v.Redirect, http.StatusTemporaryRedirect)
	case v.Status != 0:
		refuse(w, v.Status, "Vault is sealed")
	case v.Namespace != "" && r.Header.Get("X-Vault-Namespace") != v.Namespace:
		noRoute(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/v1/auth/kubernetes/login":
		v.login(w, r, method{known: v.Roles, who: "role", proof: "jwt", unknown: "invalid role name %q", status: http.StatusForbidden, wrong: "permission denied"})
	case r.Method == http.MethodPost && r.URL.Path == "/v1/auth/approle/login":
		v.login(w, r, method{known: v.AppRoles, who: "role_id", proof: "secret_id", unknown: "invalid role ID", status: http.StatusInternalServerError, wrong: "invalid secret id"})
	case r.URL.Path == "/v1/auth/token/lookup-self" && v.known(r):
		answer(w, map[string]any{"data": map[string]any{"type": "service", "policies": []string{"default"}}})
	case strings.HasPrefix(r.URL.Path, "/v1/auth/"):
		refuse(w, http.StatusForbidden, "permission denied")
	case r.Method == http.MethodGet && isKey:
		v.read(w, r, name)
	default:
		noRoute(w, r)
	}
}

func noRoute(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, fmt.Sprintf("no handler for route %q. route entry not found.", strings.TrimPrefix(r.URL.Path, "/v1/")))
}

// method is an auth method, and what it says of who is unknown (400) and of a proof
// that is wrong. (Vault 1.13 has 500 for a wrong secret id, later ones 400.)
type method struct {
	known          map[string]string
	who, proof     string
	unknown, wrong string
	status         int
}

func (v *Vault) login(w http.ResponseWriter, r *http.Request, m method) {
	var body map[string]string
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "failed to parse JSON input")
		return
	}
	switch want, ok := m.known[body[m.who]]; {
	case !ok:
		refuse(w, http.StatusBadRequest, strings.Replace(m.unknown, "%q", strconv.Quote(body[m.who]), 1))
		return
	case want != body[m.proof]:
		refuse(w, m.status, m.wrong)
		return
	}
	v.logins++
	token := fmt.Sprintf("hvs.earned-%d", v.logins)
	if v.earned == nil {
		v.earned = map[string]bool{}
	}
	v.earned[token] = true
	lease := v.Lease
	if lease == 0 {
		lease = 3600
	}
	answer(w, map[string]any{"auth": map[string]any{"client_token": token, "lease_duration": lease, "renewable": true}})
}

func (v *Vault) read(w http.ResponseWriter, r *http.Request, name string) {
	key, found := v.Keys[name]
	switch {
	case !v.known(r):
		refuse(w, http.StatusForbidden, "permission denied")
	case v.Forbidden[name]:
		refuse(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	case !found:
		refuse(w, http.StatusNotFound)
	default:
		answer(w, map[string]any{"data": key.describe(name)})
	}
}

// known says whether the request has a token that is good.
func (v *Vault) known(r *http.Request) bool {
	token := r.Header.Get("X-Vault-Token")
	return token != "" && (token == v.Token || v.earned[token])
}

func (k Key) describe(name string) map[string]any {
	versions := map[string]any{}
	for i, version := range k.Versions {
		n := i + 1
		switch {
		case n < k.Oldest: // archived
		case version == "" && !k.Derived:
			versions[strconv.Itoa(n)] = 1700000000
		default:
			versions[strconv.Itoa(n)] = map[string]any{"name": curve(k.Type), "creation_time": "2026-01-01T00:00:00Z", "public_key": version}
		}
	}
	described := map[string]any{
		"name": name, "type": k.Type, "latest_version": len(k.Versions), "min_available_version": 0,
		"min_decryption_version": max(k.Oldest, 1), "derived": k.Derived, "keys": versions,
	}
	if k.Deleted {
		described["soft_deleted"] = true
	}
	return described
}

// curve is how the engine calls a version of a type: "P-256".
func curve(kind string) string {
	return strings.Replace(kind, "ecdsa-p", "P-", 1)
}

func refuse(w http.ResponseWriter, status int, messages ...string) {
	if messages == nil {
		messages = []string{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": messages}) // the client's to notice
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the client's to notice
}
