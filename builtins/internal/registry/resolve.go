// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"net/http"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// Resolve returns the descriptor (media type, digest, size in bytes) of the
// manifest ref names, by its digest if it has one, else by its tag.
//
// It costs one HEAD; a registry that answers one without digest, size or media
// type costs a GET, whose bytes are hashed. What a HEAD says is the registry's
// word: size and media type are checked when the manifest is fetched. The error
// is an [*Error].
//
// Spec: OCI distribution v1.1.1, "Checking if content exists in the registry".
func (c *Client) Resolve(ctx context.Context, ref reference.Reference) (ocispec.Descriptor, error) {
	return ask(ctx, c, ref, func(ctx context.Context, t target) (ocispec.Descriptor, error) {
		return c.resolve(ctx, t, ref)
	}, always)
}

func (c *Client) resolve(ctx context.Context, t target, ref reference.Reference) (ocispec.Descriptor, error) {
	r := manifestRequest(t.repository, ref.Tag, ref.Digest, c.o.Limits.ManifestBytes)
	head := r
	head.method = http.MethodHead
	a, err := c.exchange(ctx, t.host, head)
	if err != nil && !headUnsupported(err) {
		return ocispec.Descriptor{}, err
	}
	if err == nil {
		if desc, ok := fromHeader(a, ref.Digest); ok {
			return desc, nil
		}
	}
	desc, _, err := c.manifest(ctx, t, r, "")
	return desc, err
}

// headUnsupported reports whether the registry refuses HEAD, but maybe not GET.
func headUnsupported(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented)
}

// fromHeader reads a descriptor out of the answer to a HEAD, if it is all there.
func fromHeader(a answer, asked digest.Digest) (ocispec.Descriptor, bool) {
	d := asked
	if d == "" {
		var err error
		if d, err = digest.Parse(a.header.Get(digestHeader)); err != nil {
			return ocispec.Descriptor{}, false
		}
	}
	mediaType := contentType(a.header)
	if a.length <= 0 || !isManifestType(mediaType) {
		return ocispec.Descriptor{}, false
	}
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: a.length}, true
}
