// SPDX-License-Identifier: Apache-2.0

// Package googletest stands in for Google Cloud: the metadata server and Cloud KMS.
// It was written from the documentation and not compared with the live service.
package googletest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Google is a project with one service account. It may be changed while it serves.
type Google struct {
	Now func() time.Time

	mu     sync.Mutex
	tokens map[string]time.Time // and their ends
	keys   map[string][]*Version

	bearers map[string]time.Time // of registries, and their ends
}

// Version is a version of a key.
type Version struct {
	Public any
	State  string // "": ENABLED; DISABLED, DESTROY_SCHEDULED, DESTROYED
	PEM    string // in place of Public
}

// New returns a project.
func New(now func() time.Time) *Google {
	return &Google{Now: now, tokens: map[string]time.Time{}, keys: map[string][]*Version{}, bearers: map[string]time.Time{}}
}

// PutVersion adds a version to a key, "projects/…/cryptoKeys/K".
func (g *Google) PutVersion(key string, v Version) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keys[key] = append(g.keys[key], &v)
}

// Disable disables a version.
func (g *Google) Disable(key string, number int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keys[key][number-1].State = "DISABLED"
}

// Tokens returns how many tokens were given.
func (g *Google) Tokens() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.tokens)
}

// Machine is the metadata server.
func (g *Google) Machine() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata-Flavor") != "Google" || r.URL.Path != "/computeMetadata/v1/instance/service-accounts/default/token" {
			http.Error(w, "Forbidden", http.StatusForbidden)
			return
		}
		token := "ya29." + rand.Text()
		g.mu.Lock()
		g.tokens[token] = g.Now().Add(time.Hour)
		g.mu.Unlock()
		w.Header().Set("Metadata-Flavor", "Google")
		answer(w, http.StatusOK, map[string]any{"access_token": token, "expires_in": 3600, "token_type": "Bearer"})
	})
}

// KMS is cloudkms.googleapis.com.
func (g *Google) KMS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		expires, known := g.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !known || !g.Now().Before(expires) {
			refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
			return
		}
		key, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), "/cryptoKeyVersions")
		versions, found := g.keys[key]
		number, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(rest, "/"), "/publicKey"))
		switch {
		case !found || rest != "" && (number < 1 || number > len(versions)):
			refuse(w, http.StatusNotFound, "NOT_FOUND", "CryptoKey "+key+" not found.")
		case rest == "":
			list(w, r, key, versions)
		case versions[number-1].State != "":
			refuse(w, http.StatusBadRequest, "FAILED_PRECONDITION", "is not enabled, current state is: "+versions[number-1].State)
		default:
			text := versions[number-1].text()
			sum := crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))
			answer(w, http.StatusOK, map[string]any{"name": fmt.Sprintf("%s/cryptoKeyVersions/%d", key, number), "pem": text, "pemCrc32c": strconv.FormatUint(uint64(sum), 10)})
		}
	})
}

func (v *Version) text() string {
	if v.PEM != "" {
		return v.PEM
	}
	der, err := x509.MarshalPKIXPublicKey(v.Public)
	if err != nil {
		panic(err) // of a key that a test made
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// list answers two versions a page, the newest first.
func list(w http.ResponseWriter, r *http.Request, key string, versions []*Version) {
	var all []map[string]any
	for i, v := range versions {
		state := v.State
		if state == "" {
			state = "ENABLED"
		}
		all = append(all, map[string]any{"name": fmt.Sprintf("%s/cryptoKeyVersions/%d", key, i+1), "state": state})
	}
	slices.Reverse(all)
	from, _ := strconv.Atoi(r.URL.Query().Get("pageToken"))
	to := min(from+2, len(all))
	page := map[string]any{"cryptoKeyVersions": all[min(from, to):to]}
	if to < len(all) {
		page["nextPageToken"] = strconv.Itoa(to)
	}
	answer(w, http.StatusOK, page)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]any{"code": status, "status": code, "message": message}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
}
