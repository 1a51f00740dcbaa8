// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"net/http"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// The registry's error codes that matter here.
// Spec: OCI distribution v1.1.1, "Error Codes".
const (
	nameUnknown     = "NAME_UNKNOWN"
	manifestUnknown = "MANIFEST_UNKNOWN"
)

// byTag reads the referrers tag schema: an index under a tag made of the
// subject's digest. A 404 means that there are none, unless the registry had said
// already that it does not know the repository: then that is the answer.
func (c *Client) byTag(ctx context.Context, t target, list *collector, unknownName bool) error {
	r := manifestRequest(t.repository, referrersTag(list.subject), "", c.o.Limits.IndexBytes)
	r.kind, r.accept = KindReferrers, ocispec.MediaTypeImageIndex
	r = c.recall(ctx, t.host, r)
	a, err := c.exchange(ctx, t.host, r)
	if missing, ok := notFound(err); ok && !(unknownName && missing.Code == nameUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	d, err := tagDigest(a)
	if err != nil {
		return t.host.failure(r, http.StatusOK, err)
	}
	if d == list.subject {
		return nil // some registries resolve an unknown tag to the digest in it
	}
	index, err := parseIndex(a.body, contentType(a.header))
	if err == nil {
		c.remember(r, a)
		err = list.add(index.Manifests)
	}
	if err != nil {
		return t.host.failure(r, http.StatusOK, err)
	}
	return nil
}

// referrersTag is <algorithm>-<reference>, the reference cut to 64 characters.
// Spec: OCI distribution v1.1.1, "Referrers Tag Schema".
func referrersTag(d digest.Digest) string {
	encoded := d.Encoded()
	return d.Algorithm().String() + "-" + encoded[:min(len(encoded), 64)]
}

// capability is what is known of the Referrers API at one repository. It is per
// repository, as one host may front several kinds of registries.
type capability struct {
	supported bool
	until     time.Time // that it lacks the API is asked again then: registries are upgraded
}

const (
	maxCapabilities = 4096
	lackingFor      = 10 * time.Minute
)

func (t target) key() string { return t.host.name + "/" + t.repository }

func (c *Client) lacksAPI(t target) bool {
	known, ok := c.capabilities.Get(t.key())
	return ok && !known.supported && c.o.Now().Before(known.until)
}

func (c *Client) learnAPI(t target) { c.capabilities.Add(t.key(), capability{supported: true}) }

// learn remembers that t lacks the API, if the 404 was about the API and not
// about the image, and if t has not been seen to have it. Nothing is learned
// from a failure.
func (c *Client) learn(t target, missing *problem.Problem, err error) {
	known, _ := c.capabilities.Get(t.key())
	if err != nil || known.supported || missing.Code == nameUnknown || missing.Code == manifestUnknown {
		return
	}
	c.capabilities.Add(t.key(), capability{until: c.o.Now().Add(lackingFor)})
}
