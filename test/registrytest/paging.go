// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// paged cuts the answers of the Referrers API into pages of size descriptors.
//
// Spec: OCI distribution v1.1.1, "Listing Referrers": Link with rel="next".
func paged(size int, next http.Handler) http.Handler {
	return rewritten(next, func(req *http.Request, a *answer) {
		offset, _ := strconv.Atoi(req.URL.Query().Get("offset")) // absent: 0
		a.editReferrers(req, func(index *ocispec.Index) {
			start := min(max(offset, 0), len(index.Manifests))
			end := min(start+size, len(index.Manifests))
			if end < len(index.Manifests) {
				a.header.Set("Link", nextLink(req.URL, end))
			}
			index.Manifests = index.Manifests[start:end]
		})
	})
}

// nextLink is a Link to the same list from offset on.
func nextLink(u *url.URL, offset int) string {
	query := u.Query()
	query.Set("offset", strconv.Itoa(offset))
	return fmt.Sprintf(`<%s?%s>; rel="next"`, u.EscapedPath(), query.Encode())
}
