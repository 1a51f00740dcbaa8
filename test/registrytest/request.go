// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Server names one of the servers of a registry.
type Server string

// The servers of a registry.
const (
	ServerRegistry Server = "registry"
	ServerToken    Server = "token"
	ServerBlobs    Server = "blobs" // where blobs are redirected to
)

// Kind is what a request asks for.
type Kind string

// The kinds of requests.
const (
	KindPing      Kind = "ping"      // /v2/
	KindManifest  Kind = "manifest"  // /v2/<name>/manifests/<reference>
	KindBlob      Kind = "blob"      // /v2/<name>/blobs/<digest>, and the server blobs
	KindUpload    Kind = "upload"    // /v2/<name>/blobs/uploads/…
	KindReferrers Kind = "referrers" // /v2/<name>/referrers/<digest>
	KindTags      Kind = "tags"      // /v2/<name>/tags/list
	KindToken     Kind = "token"     // the token server
	KindOther     Kind = "other"
)

// Request is one request that arrived.
type Request struct {
	Server    Server
	Kind      Kind
	Method    string
	Host      string // the Host header
	Path      string
	Query     url.Values
	Repo      string // "" unless Path names one
	Reference string // tag or digest, "" unless Path names one
	// Header is what arrived; of Authorization only the scheme ("Bearer") is kept.
	Header http.Header
	// Status is what was answered, 0 while nothing is or if the connection was cut.
	Status int
}

// Requests are the requests that arrived since the start or [Registry.ResetRequests],
// at all servers, in the order of their arrival.
func (r *Registry) Requests() []Request {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	requests := make([]Request, 0, len(r.log.requests))
	for _, request := range r.log.requests {
		requests = append(requests, *request)
	}
	return requests
}

// Count is the number of requests of one kind that arrived.
func (r *Registry) Count(kind Kind) int {
	n := 0
	for _, request := range r.Requests() {
		if request.Kind == kind {
			n++
		}
	}
	return n
}

// ResetRequests forgets the requests that arrived so far.
func (r *Registry) ResetRequests() {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	r.log.requests = nil
}

type requestLog struct {
	mu       sync.Mutex
	requests []*Request
}

// record enters every request of one server; the status is known to readers before
// the client can have seen it.
func (l *requestLog) record(server Server, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		entry := parseRequest(server, req)
		l.mu.Lock()
		l.requests = append(l.requests, entry)
		l.mu.Unlock()
		next.ServeHTTP(&observer{ResponseWriter: w, before: func(status int, _ http.Header) {
			l.mu.Lock()
			defer l.mu.Unlock()
			entry.Status = status
		}}, req)
	})
}

func parseRequest(server Server, req *http.Request) *Request {
	r := &Request{
		Server: server,
		Method: req.Method,
		Host:   req.Host,
		Path:   req.URL.Path,
		Query:  req.URL.Query(),
		Header: withoutCredentials(req.Header),
	}
	r.Kind, r.Repo, r.Reference = parsePath(server, req.URL.Path)
	return r
}

func parsePath(server Server, path string) (kind Kind, repo, reference string) {
	if server == ServerToken {
		return KindToken, "", ""
	}
	if path == "/v2" || path == "/v2/" {
		return KindPing, "", ""
	}
	segments := strings.Split(strings.TrimPrefix(path, "/v2/"), "/")
	if i := slices.Index(segments, "uploads"); i > 0 && segments[i-1] == "blobs" {
		return KindUpload, strings.Join(segments[:i-1], "/"), ""
	}
	if len(segments) < 3 {
		return KindOther, "", ""
	}
	n := len(segments)
	repo, reference = strings.Join(segments[:n-2], "/"), segments[n-1]
	switch segments[n-2] {
	case "manifests":
		return KindManifest, repo, reference
	case "blobs":
		return KindBlob, repo, reference
	case "referrers":
		return KindReferrers, repo, reference
	case "tags":
		return KindTags, repo, ""
	default:
		return KindOther, "", ""
	}
}

func withoutCredentials(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for i, value := range h[name] {
			h[name][i], _, _ = strings.Cut(value, " ")
		}
	}
	return h
}
