// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// edited is an action that alters successful answers.
func edited(edit func(*http.Request, *answer)) Action {
	return Custom(func(next http.Handler) http.Handler { return rewritten(next, edit) })
}

// FlipByte inverts the byte at n (modulo the length) of the body; the header, with the
// digest of the true body, stays.
func FlipByte(n int) Action {
	return edited(func(_ *http.Request, a *answer) {
		if len(a.body) > 0 {
			a.body[n%len(a.body)] ^= 0xff
		}
	})
}

// Truncate sends the first n bytes of the body as if they were all.
func Truncate(n int) Action {
	return edited(func(_ *http.Request, a *answer) {
		if len(a.body) > 0 {
			a.setBody(a.body[:min(n, len(a.body))])
		}
	})
}

// Replace sends another body; the header, with the digest of the true one, stays.
func Replace(body []byte) Action {
	return edited(func(req *http.Request, a *answer) {
		if req.Method != http.MethodHead {
			a.setBody(body)
		}
	})
}

// WrongDigestHeader claims d as the digest of the content; empty claims nothing.
func WrongDigestHeader(d digest.Digest) Action {
	return edited(func(_ *http.Request, a *answer) {
		a.header.Del(headerDigest)
		if d != "" {
			a.header.Set(headerDigest, d.String())
		}
	})
}

// WrongContentType claims mediaType; empty sends no Content-Type.
func WrongContentType(mediaType string) Action {
	return edited(func(_ *http.Request, a *answer) {
		a.header["Content-Type"] = []string{mediaType}
		if mediaType == "" {
			a.header["Content-Type"] = nil // absent, and not guessed by net/http
		}
	})
}

// LieSize adds delta to the size of manifests and blobs that HEAD answers, and to the
// sizes of the descriptors that the Referrers API lists.
func LieSize(delta int64) Action {
	return edited(func(req *http.Request, a *answer) {
		if size, err := strconv.ParseInt(a.header.Get("Content-Length"), 10, 64); err == nil && req.Method == http.MethodHead {
			a.header.Set("Content-Length", strconv.FormatInt(size+delta, 10))
		}
		a.editReferrers(req, func(index *ocispec.Index) {
			for i := range index.Manifests {
				index.Manifests[i].Size += delta
			}
		})
	})
}

// Alternate answers requests for manifests by tag with a and b in turn, a first.
func Alternate(a, b digest.Digest) Action {
	var turn atomic.Int64
	return Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			kind, _, reference := parsePath(ServerRegistry, req.URL.Path)
			if kind == KindManifest && !strings.Contains(reference, ":") {
				req = withReference(req, []digest.Digest{a, b}[(turn.Add(1)-1)%2])
			}
			next.ServeHTTP(w, req)
		})
	})
}

// withReference is req with another tag or digest at the end of its path.
func withReference(req *http.Request, d digest.Digest) *http.Request {
	req = req.Clone(req.Context())
	path := req.URL.Path
	req.URL.Path = path[:strings.LastIndexByte(path, '/')+1] + d.String()
	req.URL.RawPath = ""
	return req
}
