// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"encoding/json"
	"net/url"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// parseIndex reads a list of referrers, which is an OCI image index whatever the
// registry calls it.
func parseIndex(body []byte, contentType string) (ocispec.Index, error) {
	s, err := inspect(body, contentType, "")
	if err != nil {
		return ocispec.Index{}, err
	}
	if s.mediaType != ocispec.MediaTypeImageIndex {
		return ocispec.Index{}, invalid("the list of referrers is of type %s; expected %s", s.mediaType, ocispec.MediaTypeImageIndex)
	}
	var index ocispec.Index
	if err := json.Unmarshal(body, &index); err != nil {
		return ocispec.Index{}, invalid("the list of referrers is not of the form the OCI image specification gives it")
	}
	return index, nil
}

// nextPage returns the query of the next page, "" if there is none. The next page
// is another part of the same list: at the same origin under the same path. A
// link elsewhere is refused, as it would carry our token there.
//
// Spec: RFC 8288, section 3; OCI distribution v1.1.1, "Listing Referrers".
func nextPage(links []string, asked *url.URL) (string, error) {
	for _, link := range links {
		for part := range strings.SplitSeq(link, ",") {
			target, ok := linkTarget(part)
			if !ok {
				continue
			}
			u, err := asked.Parse(target)
			if err != nil || !outbound.SameOrigin(u, asked) || u.Path != asked.Path {
				return "", invalid("the list's next page is not at %s%s", asked.Host, asked.Path)
			}
			if u.RawQuery == "" {
				return "", invalid("the list's next page is the first page")
			}
			return u.RawQuery, nil
		}
	}
	return "", nil
}

// linkTarget returns the URI of one link value whose relation is "next". A comma
// inside the URI is not understood; registries escape it.
func linkTarget(part string) (string, bool) {
	target, params, ok := strings.Cut(strings.TrimSpace(part), ">")
	target, isLink := strings.CutPrefix(target, "<")
	if !ok || !isLink {
		return "", false
	}
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(strings.TrimSpace(key), "rel") {
			continue
		}
		for relation := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(relation, "next") {
				return target, true
			}
		}
	}
	return "", false
}
