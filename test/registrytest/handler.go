// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// chain puts around a server's own handler what all servers have in common.
func (r *Registry) chain(s Server, h http.Handler) http.Handler {
	return r.log.record(s, r.delayed(r.faults.around(r, s, h)))
}

// registryHandler is the registry proper, behind authentication.
func (r *Registry) registryHandler() http.Handler {
	h := r.honest(r.protocol)
	if r.options.RedirectBlobs {
		h = r.redirected(h)
	}
	if r.options.PageSize > 0 {
		h = paged(r.options.PageSize, h)
	}
	if r.options.ETags {
		h = tagged(h)
	}
	return r.authenticated(r.permitted(h))
}

// delayed adds the latency of [Options].
func (r *Registry) delayed(next http.Handler) http.Handler {
	if r.options.Latency == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if wait(req, r.options.Latency) {
			next.ServeHTTP(w, req)
		}
	})
}

// permitted answers 403 for the repositories that [Options] denies.
func (r *Registry) permitted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, repo, _ := parsePath(ServerRegistry, req.URL.Path)
		if slices.Contains(r.options.Denied, repo) {
			writeError(w, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// honest corrects two things in the answers of the library: a registry that does not
// keep referrers does not claim to have understood a subject, and malformed manifests
// have the media type they were pushed with.
func (r *Registry) honest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		next.ServeHTTP(&observer{ResponseWriter: w, before: func(_ int, h http.Header) {
			if r.options.NoReferrersAPI {
				h.Del("OCI-Subject")
			}
			if mediaType := r.malformed.mediaType(digest.Digest(h.Get(headerDigest))); mediaType != "" {
				h.Set("Content-Type", mediaType)
			}
		}}, req)
	})
}

const headerDigest = "Docker-Content-Digest"

// observer calls before with the status and the header just before they are sent.
type observer struct {
	http.ResponseWriter
	before func(status int, h http.Header)
	sent   bool
}

func (o *observer) WriteHeader(status int) {
	if !o.sent {
		o.sent = true
		o.before(status, o.Header())
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observer) Write(p []byte) (int, error) {
	if !o.sent {
		o.WriteHeader(http.StatusOK)
	}
	return o.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] flush and hijack.
func (o *observer) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// wait returns false if the request ended before d was over.
func wait(req *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-req.Context().Done():
		return false
	}
}

// writeError answers with status and the error body of the specification.
//
// Spec: OCI distribution v1.1.1, "Error Codes".
func writeError(w http.ResponseWriter, status int) {
	code, ok := map[int]string{
		http.StatusUnauthorized:    "UNAUTHORIZED",
		http.StatusForbidden:       "DENIED",
		http.StatusNotFound:        "MANIFEST_UNKNOWN",
		http.StatusTooManyRequests: "TOOMANYREQUESTS",
	}[status]
	if !ok {
		code = "UNKNOWN"
	}
	body, err := json.Marshal(map[string]any{
		"errors": []map[string]string{{"code": code, "message": http.StatusText(status)}},
	})
	if err != nil {
		panic(err) // strings only
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no body
}
