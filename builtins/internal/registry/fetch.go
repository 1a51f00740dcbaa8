// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// Manifest fetches the manifest or index desc names from ref's repository; ref's
// own tag and digest play no part. desc.Digest is required; Size 0 and MediaType
// "" mean unknown. It returns desc with media type, size and artifact type as
// they really are, and the bytes, whose digest and size were checked.
//
// An answer whose Content-Type, mediaType field and structure disagree is refused
// (CVE-2021-41190). The error is an [*Error].
//
// Spec: OCI distribution v1.1.1, "Pulling manifests".
func (c *Client) Manifest(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	if err := checkDescriptor(desc, c.o.Limits.ManifestBytes); err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	var body []byte
	got, err := ask(ctx, c, ref, func(ctx context.Context, t target) (ocispec.Descriptor, error) {
		r := manifestRequest(t.repository, "", desc.Digest, c.o.Limits.ManifestBytes)
		r.size = desc.Size
		found, content, err := c.manifest(ctx, t, r, desc.MediaType)
		body = content
		return found, err
	}, always)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	desc.MediaType, desc.Size, desc.ArtifactType = got.MediaType, got.Size, got.ArtifactType
	return desc, body, nil
}

// Tagged fetches the manifest or index that ref's tag names now, and returns its
// descriptor (media type, digest, size, artifact type) and its bytes, in one GET
// where Resolve and Manifest take two requests. ref.Tag is required; ref.Digest
// plays no part. The digest is that of the bytes, and a registry that names
// another in its answer is refused. That the tag means this manifest is the
// registry's word. The error is an [*Error].
//
// Spec: OCI distribution v1.1.1, "Pulling manifests".
func (c *Client) Tagged(ctx context.Context, ref reference.Reference) (ocispec.Descriptor, []byte, error) {
	if ref.Tag == "" {
		return ocispec.Descriptor{}, nil, &Error{Code: report.InvalidReference, Host: ref.Registry, Err: errors.New("the reference has no tag to fetch by")}
	}
	var body []byte
	desc, err := ask(ctx, c, ref, func(ctx context.Context, t target) (ocispec.Descriptor, error) {
		found, content, err := c.manifest(ctx, t, manifestRequest(t.repository, ref.Tag, "", c.o.Limits.ManifestBytes), "")
		body = content
		return found, err
	}, always)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	return desc, body, nil
}

// Blob fetches the blob desc names from ref's repository. desc.Digest is
// required; Size 0 means unknown. The bytes' digest and size were checked.
// desc.URLs and desc.Data are ignored: the first would make us ask anybody
// (CVE-2020-15157), the second saves nothing here. The error is an [*Error].
//
// Spec: OCI distribution v1.1.1, "Pulling blobs".
func (c *Client) Blob(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) ([]byte, error) {
	if err := checkDescriptor(desc, c.o.Limits.BlobBytes); err != nil {
		return nil, err
	}
	return ask(ctx, c, ref, func(ctx context.Context, t target) ([]byte, error) {
		a, err := c.exchange(ctx, t.host, request{
			kind: KindBlob, method: http.MethodGet, repository: t.repository, path: "blobs/" + desc.Digest.String(),
			limit: c.o.Limits.BlobBytes, digest: desc.Digest, size: desc.Size,
		})
		return a.body, err
	}, always)
}

// manifestRequest asks for a manifest by digest or, without one, by tag.
func manifestRequest(repository, tag string, d digest.Digest, limit int64) request {
	path := "manifests/" + tag
	if d != "" {
		path = "manifests/" + d.String()
	}
	return request{
		kind: KindManifest, method: http.MethodGet, repository: repository, path: path,
		accept: strings.Join(manifestTypes, ", "), limit: limit, digest: d,
	}
}

// manifest sends r and returns what it got with its descriptor. want is the media
// type the descriptor promised, "" if none did.
func (c *Client) manifest(ctx context.Context, t target, r request, want string) (ocispec.Descriptor, []byte, error) {
	a, err := c.exchange(ctx, t.host, r)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	s, err := inspect(a.body, contentType(a.header), want)
	if err != nil {
		return ocispec.Descriptor{}, nil, t.host.failure(r, http.StatusOK, err)
	}
	d := r.digest
	if d == "" {
		if d, err = tagDigest(a); err != nil {
			return ocispec.Descriptor{}, nil, t.host.failure(r, http.StatusOK, err)
		}
	}
	return ocispec.Descriptor{MediaType: s.mediaType, Digest: d, Size: int64(len(a.body)), ArtifactType: s.artifactType}, a.body, nil
}

// tagDigest is the digest of an answer that was asked for by tag: of its bytes, in
// the algorithm the registry names it by, if it does.
func tagDigest(a answer) (digest.Digest, error) {
	claimed := digest.Digest(a.header.Get(digestHeader))
	if !valid(claimed) {
		return digest.FromBytes(a.body), nil
	}
	if got := claimed.Algorithm().FromBytes(a.body); got != claimed {
		return "", mismatch("the answer's %s is %s, its bytes have %s", digestHeader, claimed, got)
	}
	return claimed, nil
}

func valid(d digest.Digest) bool { return d.Validate() == nil }

// checkDescriptor refuses what cannot be asked for or would not be read.
func checkDescriptor(desc ocispec.Descriptor, limit int64) error {
	switch {
	case !valid(desc.Digest):
		return &Error{Code: report.InvalidResponse, Err: fmt.Errorf("the descriptor's digest %q is not valid", shorten(desc.Digest.String()))}
	case desc.Size < 0:
		return &Error{Code: report.InvalidResponse, Err: fmt.Errorf("the descriptor of %s has a negative size", desc.Digest)}
	case desc.Size > limit:
		return &Error{Code: report.TooLarge, Err: fmt.Errorf("%s: %w", desc.Digest, tooLarge(desc.Size, limit))}
	}
	return nil
}
