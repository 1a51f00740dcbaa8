// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const octetStream = "application/octet-stream"

// PushImage pushes a small image for linux/amd64: a config and one layer, whose content
// names repo and tag, so that different images have different digests and the same
// image has the same digest in every registry.
func (r *Registry) PushImage(ctx context.Context, repo, tag string) (ocispec.Descriptor, error) {
	return r.pushPlatform(ctx, repo, tag, ocispec.Platform{OS: "linux", Architecture: "amd64"})
}

// PushIndex pushes an index with one image for each platform, written "linux/arm64" or
// "linux/arm/v7", and answers the index and its children. No platforms: linux/amd64 and
// linux/arm64.
func (r *Registry) PushIndex(ctx context.Context, repo, tag string, platforms ...string) (ocispec.Descriptor, []ocispec.Descriptor, error) {
	if len(platforms) == 0 {
		platforms = []string{"linux/amd64", "linux/arm64"}
	}
	var children []ocispec.Descriptor
	for _, name := range platforms {
		platform, err := parsePlatform(name)
		if err != nil {
			return ocispec.Descriptor{}, nil, err
		}
		// Children have no tag; the name of the index in their layers keeps them
		// distinct from those of other indexes.
		child, err := r.pushPlatformNamed(ctx, repo, "", tag, platform)
		if err != nil {
			return ocispec.Descriptor{}, nil, err
		}
		child.Platform = &platform
		children = append(children, child)
	}
	index, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: children,
	})
	if err != nil {
		return ocispec.Descriptor{}, nil, fmt.Errorf("encode index %s:%s: %w", repo, tag, err)
	}
	desc, err := r.PushManifest(ctx, repo, tag, ocispec.MediaTypeImageIndex, index)
	return desc, children, err
}

// PushManifest pushes any bytes as a manifest, after its blobs. An empty tag leaves it
// untagged. A subject is honoured; without the Referrers API the referrers tag of the
// subject is updated as a client would do it.
func (r *Registry) PushManifest(ctx context.Context, repo, tag, mediaType string, manifest []byte, blobs ...[]byte) (ocispec.Descriptor, error) {
	for _, blob := range blobs {
		if _, err := r.PushBlob(ctx, repo, blob); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	if err := r.storeManifest(ctx, repo, tag, mediaType, manifest); err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := describe(mediaType, manifest)
	if r.options.NoReferrersAPI {
		return desc, r.updateReferrersTag(ctx, repo, desc, manifest)
	}
	return desc, nil
}

// storeManifest stores what the library accepts as it is. Bytes that are no manifest of
// the media type they claim are stored as of no particular type, and get the one they
// claim when they are served.
func (r *Registry) storeManifest(ctx context.Context, repo, tag, mediaType string, manifest []byte) error {
	if _, err := r.store.PushManifest(ctx, repo, tag, manifest, mediaType); err == nil {
		return nil
	}
	if _, err := r.store.PushManifest(ctx, repo, tag, manifest, octetStream); err != nil {
		return fmt.Errorf("push manifest to %s: %w", repo, err)
	}
	r.malformed.add(digest.FromBytes(manifest), mediaType)
	return nil
}

// PushBlob pushes one blob.
func (r *Registry) PushBlob(ctx context.Context, repo string, blob []byte) (ocispec.Descriptor, error) {
	desc := describe(octetStream, blob)
	if _, err := r.store.PushBlob(ctx, repo, desc, bytes.NewReader(blob)); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("push blob to %s: %w", repo, err)
	}
	return desc, nil
}

// Tag makes tag name the manifest d, whatever it named before.
func (r *Registry) Tag(ctx context.Context, repo, tag string, d digest.Digest) error {
	desc, manifest, err := r.Manifest(ctx, repo, d)
	if err != nil {
		return err
	}
	if _, err := r.store.PushManifest(ctx, repo, tag, manifest, desc.MediaType); err != nil {
		return fmt.Errorf("tag %s:%s: %w", repo, tag, err)
	}
	return nil
}

// Manifest reads a manifest from the store.
func (r *Registry) Manifest(ctx context.Context, repo string, d digest.Digest) (ocispec.Descriptor, []byte, error) {
	reader, err := r.store.GetManifest(ctx, repo, d)
	if err != nil {
		return ocispec.Descriptor{}, nil, fmt.Errorf("read manifest %s@%s: %w", repo, d, err)
	}
	defer reader.Close()
	manifest, err := io.ReadAll(reader)
	if err != nil {
		return ocispec.Descriptor{}, nil, fmt.Errorf("read manifest %s@%s: %w", repo, d, err)
	}
	return describe(reader.Descriptor().MediaType, manifest), manifest, nil
}

// Delete removes a manifest and the tags that name it.
func (r *Registry) Delete(ctx context.Context, repo string, d digest.Digest) error {
	if err := r.store.DeleteManifest(ctx, repo, d); err != nil {
		return fmt.Errorf("delete %s@%s: %w", repo, d, err)
	}
	return nil
}

func (r *Registry) pushPlatform(ctx context.Context, repo, tag string, platform ocispec.Platform) (ocispec.Descriptor, error) {
	return r.pushPlatformNamed(ctx, repo, tag, tag, platform)
}

// pushPlatformNamed pushes an image whose layer names repo, name and platform.
func (r *Registry) pushPlatformNamed(ctx context.Context, repo, tag, name string, platform ocispec.Platform) (ocispec.Descriptor, error) {
	layer := fmt.Appendf(nil, "%s:%s %s/%s/%s\n", repo, name, platform.OS, platform.Architecture, platform.Variant)
	config, err := json.Marshal(ocispec.Image{
		Platform: platform,
		Config:   ocispec.ImageConfig{User: "65532", Entrypoint: []string{"/app"}},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer)}},
	})
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("encode config of %s:%s: %w", repo, name, err)
	}
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    describe(ocispec.MediaTypeImageConfig, config),
		Layers:    []ocispec.Descriptor{describe(ocispec.MediaTypeImageLayer, layer)},
	})
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("encode manifest %s:%s: %w", repo, name, err)
	}
	return r.PushManifest(ctx, repo, tag, ocispec.MediaTypeImageManifest, manifest, config, layer)
}

func describe(mediaType string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: mediaType,
		Digest:    digest.FromBytes(content),
		Size:      int64(len(content)),
	}
}

func parsePlatform(name string) (ocispec.Platform, error) {
	parts := strings.Split(name, "/")
	switch len(parts) {
	case 2:
		return ocispec.Platform{OS: parts[0], Architecture: parts[1]}, nil
	case 3:
		return ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}, nil
	default:
		return ocispec.Platform{}, fmt.Errorf("platform %q: expected os/architecture[/variant]", name)
	}
}
