// SPDX-License-Identifier: Apache-2.0

package distributiontest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// PushImage pushes a small image of its own as an account. name "": as nobody.
func (r *Registry) PushImage(ctx context.Context, name, password, repository, tag string) (ocispec.Descriptor, error) {
	target, err := remote.NewRepository(r.Host + "/" + repository)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	target.PlainHTTP = true
	target.Client = &auth.Client{Credential: auth.StaticCredential(r.Host, auth.Credential{Username: name, Password: password})}
	layer := []byte("layer of " + repository + ":" + tag)
	config, err := oras.PushBytes(ctx, target, ocispec.MediaTypeImageConfig, fmt.Appendf(nil,
		`{"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [%q]}}`, digest.FromBytes(layer)))
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("push config: %w", err)
	}
	pushed, err := oras.PushBytes(ctx, target, ocispec.MediaTypeImageLayer, layer)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("push layer: %w", err)
	}
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{pushed},
	})
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return oras.TagBytes(ctx, target, ocispec.MediaTypeImageManifest, manifest, tag)
}
