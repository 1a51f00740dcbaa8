// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ReferrersTag is the tag under which the referrers of subject are listed where the
// Referrers API is missing, "sha256-" and 64 hex digits.
//
// Spec: OCI distribution v1.1.1, "Referrers Tag Schema".
func ReferrersTag(subject digest.Digest) string {
	return strings.Replace(subject.String(), ":", "-", 1)
}

// updateReferrersTag adds desc to the referrers tag of its subject, if it has one.
func (r *Registry) updateReferrersTag(ctx context.Context, repo string, desc ocispec.Descriptor, manifest []byte) error {
	var m ocispec.Manifest
	if json.Unmarshal(manifest, &m) != nil || m.Subject == nil {
		return nil // no manifest the specification knows, or not a referrer
	}
	desc.ArtifactType = cmp.Or(m.ArtifactType, m.Config.MediaType)
	desc.Annotations = m.Annotations

	r.tagSchema.Lock()
	defer r.tagSchema.Unlock()
	tag := ReferrersTag(m.Subject.Digest)
	index, err := r.referrersTag(ctx, repo, tag)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(index.Manifests, func(d ocispec.Descriptor) bool { return d.Digest == desc.Digest }) {
		return nil
	}
	index.Manifests = append(index.Manifests, desc)
	content, err := json.Marshal(index)
	if err != nil {
		return fmt.Errorf("encode referrers tag %s:%s: %w", repo, tag, err)
	}
	if _, err := r.store.PushManifest(ctx, repo, tag, content, ocispec.MediaTypeImageIndex); err != nil {
		return fmt.Errorf("push referrers tag %s:%s: %w", repo, tag, err)
	}
	return nil
}

// referrersTag reads the index that tag names; it is empty if the tag does not exist.
func (r *Registry) referrersTag(ctx context.Context, repo, tag string) (ocispec.Index, error) {
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{},
	}
	reader, err := r.store.GetTag(ctx, repo, tag)
	if errors.Is(err, ociregistry.ErrManifestUnknown) {
		return index, nil
	}
	if err != nil {
		return index, fmt.Errorf("read referrers tag %s:%s: %w", repo, tag, err)
	}
	defer reader.Close()
	content, err := io.ReadAll(reader)
	if err != nil {
		return index, fmt.Errorf("read referrers tag %s:%s: %w", repo, tag, err)
	}
	if err := json.Unmarshal(content, &index); err != nil {
		return index, fmt.Errorf("decode referrers tag %s:%s: %w", repo, tag, err)
	}
	return index, nil
}
