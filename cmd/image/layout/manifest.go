// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/opa-ratify/opa-ratify/cmd/image/rootfs"
	"github.com/opa-ratify/opa-ratify/cmd/image/sbom"
)

const source = "https://github.com/opa-ratify/opa-ratify"

// image writes what one platform has: the program that it runs, and others.
func (b *builder) image(ctx context.Context, programs []sbom.Program) (ocispec.Descriptor, error) {
	layers, names := []rootfs.Layer{b.base}, []string{"base"}
	for i, p := range programs {
		name := rootfs.Program
		if i > 0 {
			name = "/" + p.Name()
		}
		layer, err := rootfs.Binary(p.Path, name)
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		layers, names = append(layers, layer), append(names, name[1:]+" "+b.Version)
	}
	config, err := b.pushJSON(ctx, ocispec.MediaTypeImageConfig, b.config(programs[0].Architecture(), layers, names))
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Annotations: b.labels(),
	}
	for _, layer := range layers {
		if err := b.push(ctx, layer.Descriptor, layer.Content); err != nil {
			return ocispec.Descriptor{}, err
		}
		manifest.Layers = append(manifest.Layers, layer.Descriptor)
	}
	return b.pushJSON(ctx, ocispec.MediaTypeImageManifest, manifest)
}

// config says how the image is run. It writes nothing but to what is mounted, so its
// root may be read-only.
func (b *builder) config(architecture string, layers []rootfs.Layer, names []string) ocispec.Image {
	user := strconv.Itoa(rootfs.User)
	created := b.Created.UTC()
	image := ocispec.Image{
		Created:  &created,
		Platform: ocispec.Platform{OS: "linux", Architecture: architecture},
		Config: ocispec.ImageConfig{
			User: user + ":" + user, WorkingDir: "/home/nonroot", Env: []string{"PATH=/"},
			Entrypoint: []string{rootfs.Program}, Labels: b.labels(),
		},
		RootFS: ocispec.RootFS{Type: "layers"},
	}
	for i, layer := range layers {
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, layer.DiffID)
		image.History = append(image.History, ocispec.History{Created: &created, CreatedBy: names[i]})
	}
	return image
}

// labels describe the image in its index, its manifests and its configurations alike.
func (b *builder) labels() map[string]string {
	return map[string]string{
		ocispec.AnnotationTitle:         "opa-ratify",
		ocispec.AnnotationDescription:   "OPA that verifies what is attached to container images",
		ocispec.AnnotationURL:           source,
		ocispec.AnnotationSource:        source,
		ocispec.AnnotationDocumentation: source + "/blob/main/README.md",
		ocispec.AnnotationLicenses:      "Apache-2.0",
		ocispec.AnnotationVersion:       b.Version,
		ocispec.AnnotationRevision:      b.Revision,
		ocispec.AnnotationCreated:       b.Created.UTC().Format(time.RFC3339),
	}
}

// bill writes the bill of materials of a manifest, which refers to it.
func (b *builder) bill(ctx context.Context, subject ocispec.Descriptor, programs ...sbom.Program) (ocispec.Descriptor, error) {
	about := sbom.Image{Digest: subject.Digest, Version: b.Version, Created: b.Created}
	if subject.MediaType == ocispec.MediaTypeImageManifest {
		about.Architecture = programs[0].Architecture()
	}
	document, err := sbom.Document(about, programs...)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	layer := content.NewDescriptorFromBytes(sbom.MediaType, document)
	if err := b.push(ctx, layer, document); err != nil {
		return ocispec.Descriptor{}, err
	}
	return oras.PackManifest(ctx, b.blobs, oras.PackManifestVersion1_1, sbom.MediaType, oras.PackManifestOptions{
		Subject: &subject, Layers: []ocispec.Descriptor{layer},
		ManifestAnnotations: map[string]string{ocispec.AnnotationCreated: b.Created.UTC().Format(time.RFC3339)},
	})
}

func (b *builder) pushJSON(ctx context.Context, mediaType string, value any) (ocispec.Descriptor, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	return desc, b.push(ctx, desc, raw)
}

// push writes a blob, unless it is there: platforms share their base.
func (b *builder) push(ctx context.Context, desc ocispec.Descriptor, blob []byte) error {
	if err := b.blobs.Push(ctx, desc, bytes.NewReader(blob)); !errors.Is(err, errdef.ErrAlreadyExists) {
		return err
	}
	return nil
}
