// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// editedReferrers is an action that alters lists of referrers.
func editedReferrers(edit func(*ocispec.Index)) Action {
	return edited(func(req *http.Request, a *answer) { a.editReferrers(req, edit) })
}

// Referrers answers every list of referrers with these descriptors.
func Referrers(descs ...ocispec.Descriptor) Action {
	return editedReferrers(func(index *ocispec.Index) { index.Manifests = descs })
}

// FlipReferrers answers the referrers of another subject.
func FlipReferrers(subject digest.Digest) Action {
	return Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if kind, _, _ := parsePath(ServerRegistry, req.URL.Path); kind == KindReferrers {
				req = withReference(req, subject)
			}
			next.ServeHTTP(w, req)
		})
	})
}

// FilterIgnored answers referrers of all types whatever filter was asked for, and says
// so by leaving out OCI-Filters-Applied. That is allowed; clients must filter.
func FilterIgnored() Action {
	return Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			next.ServeHTTP(w, withoutFilter(req))
		})
	})
}

// FilterClaimed is [FilterIgnored] with the claim that the filter was applied.
func FilterClaimed() Action {
	return Custom(func(next http.Handler) http.Handler {
		return rewritten(FilterIgnored().wrap(next), func(_ *http.Request, a *answer) {
			a.header.Set("OCI-Filters-Applied", "artifactType")
		})
	})
}

// WrongArtifactType reports the media type of the config as the artifact type of every
// referrer and ignores the filter, as the registry of go-containerregistry does.
func WrongArtifactType() Action {
	return Custom(func(next http.Handler) http.Handler {
		return rewritten(FilterIgnored().wrap(next), func(req *http.Request, a *answer) {
			a.editReferrers(req, func(index *ocispec.Index) {
				for i, desc := range index.Manifests {
					index.Manifests[i].ArtifactType = configMediaType(next, req, desc.Digest)
				}
			})
		})
	})
}

// EndlessPages links every page of referrers to a next one, for ever. Every page holds
// the same descriptors.
func EndlessPages() Action {
	return edited(func(req *http.Request, a *answer) {
		if kind, _, _ := parsePath(ServerRegistry, req.URL.Path); kind != KindReferrers {
			return
		}
		query := req.URL.Query()
		page, _ := strconv.Atoi(query.Get("page")) // absent: 0
		query.Set("page", strconv.Itoa(page+1))
		a.header.Set("Link", "<"+req.URL.EscapedPath()+"?"+query.Encode()+`>; rel="next"`)
	})
}

// NextPage links the first page of referrers to any URL.
func NextPage(location string) Action {
	return edited(func(_ *http.Request, a *answer) {
		a.header.Set("Link", "<"+location+`>; rel="next"`)
	})
}

func withoutFilter(req *http.Request) *http.Request {
	req = req.Clone(req.Context())
	query := req.URL.Query()
	query.Del("artifactType")
	req.URL.RawQuery = query.Encode()
	return req
}

// configMediaType asks the registry itself for the manifest d beside the list req.
func configMediaType(registry http.Handler, req *http.Request, d digest.Digest) string {
	_, repo, _ := parsePath(ServerRegistry, req.URL.Path)
	req = req.Clone(req.Context())
	req.URL.Path = "/v2/" + repo + "/manifests/" + d.String()
	var manifest ocispec.Manifest
	if json.Unmarshal(capture(registry, req).body, &manifest) != nil {
		return ""
	}
	return manifest.Config.MediaType
}
