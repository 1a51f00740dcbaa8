// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"
)

// tagged gives lists of referrers and manifests by tag an ETag, and answers 304 to
// those who know the current one.
//
// Spec: RFC 9110, section 13.1.2.
func tagged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		kind, _, reference := parsePath(ServerRegistry, req.URL.Path)
		changing := kind == KindReferrers || kind == KindManifest && !strings.Contains(reference, ":")
		if req.Method != http.MethodGet || !changing {
			next.ServeHTTP(w, req)
			return
		}
		a := capture(next, req)
		if a.status == http.StatusOK {
			etag := `"` + digest.FromBytes(a.body).Encoded() + `"`
			a.header.Set("ETag", etag)
			if req.Header.Get("If-None-Match") == etag {
				a.status, a.body = http.StatusNotModified, nil
				a.header.Del("Content-Length")
			}
		}
		a.send(w)
	})
}
