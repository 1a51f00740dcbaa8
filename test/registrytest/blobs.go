// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"net/http"
	"net/url"

	"github.com/opencontainers/go-digest"
)

// redirected sends downloads of blobs that exist to the blob server, with a query as
// pre-signed URLs of object stores have it.
func (r *Registry) redirected(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		kind, repo, reference := parsePath(ServerRegistry, req.URL.Path)
		if kind != KindBlob || req.Method != http.MethodGet || !r.hasBlob(req, repo, reference) {
			next.ServeHTTP(w, req)
			return
		}
		location := r.blobs.url() + req.URL.Path + "?" + url.Values{"signature": {preSigned}}.Encode()
		http.Redirect(w, req, location, http.StatusTemporaryRedirect)
	})
}

// preSigned is the query value that opens the blob server; it must not show up in logs
// or messages of what is tested.
const preSigned = "pre-signed-secret"

// PreSigned is the secret in the URLs that blobs are redirected to, for tests that it
// does not leak.
func (r *Registry) PreSigned() string { return preSigned }

// serveBlob is the blob server. Like object stores it answers 400 when a request
// carries both a pre-signed URL and an Authorization header.
func (r *Registry) serveBlob(w http.ResponseWriter, req *http.Request) {
	switch {
	case req.Header.Get("Authorization") != "":
		writeError(w, http.StatusBadRequest)
	case req.URL.Query().Get("signature") != preSigned:
		writeError(w, http.StatusForbidden)
	default:
		r.protocol.ServeHTTP(w, req)
	}
}

func (r *Registry) hasBlob(req *http.Request, repo, reference string) bool {
	_, err := r.store.ResolveBlob(req.Context(), repo, digest.Digest(reference))
	return err == nil
}
