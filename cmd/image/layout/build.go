// SPDX-License-Identifier: Apache-2.0

// Package layout writes the image as an OCI layout, and pushes what is in one.
//
// An index names one image for each platform; the index and each image have a bill of
// materials, as a referrer. Two layouts of the same binaries, version, revision and
// time are the same, file by file.
//
// Spec: OCI image v1.1.1, "Image Layout".
package layout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/oci"

	"github.com/opa-ratify/opa-ratify/cmd/image/rootfs"
	"github.com/opa-ratify/opa-ratify/cmd/image/sbom"
)

// Options says what to build.
type Options struct {
	// Directory is the layout. What was there is replaced once the new one is whole.
	// Required.
	Directory string
	// Binaries are files, one for each architecture of Linux. Required.
	Binaries []string
	// Beside are files of one other program, for the same architectures, which lies
	// beside the binary under the name of its package. Empty: there is none.
	Beside []string
	// Version is ours, "v1.2.3", and the tag in the layout. Required.
	Version string
	// Revision is the commit, 40 hex digits. Required.
	Revision string
	// Created is when the commit was made, and the only time in the image. Required.
	Created time.Time
}

// builder writes one layout.
type builder struct {
	Options

	blobs  *oci.Storage
	base   rootfs.Layer
	beside map[string]sbom.Program // by architecture
}

// Build writes a layout and returns its index.
func Build(ctx context.Context, o Options) (ocispec.Descriptor, error) {
	programs, err := o.read(o.Binaries)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	beside, err := o.beside(programs)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	parent := filepath.Dir(o.Directory)
	if err := os.MkdirAll(parent, 0o755); err != nil { //nolint:gosec // an image is no secret
		return ocispec.Descriptor{}, err
	}
	unfinished, err := os.MkdirTemp(parent, ".image-")
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer func() { _ = os.RemoveAll(unfinished) }() // nothing is there once it is finished
	index, err := o.write(ctx, unfinished, programs, beside)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return index, replace(o.Directory, unfinished)
}

// read reads the binaries at paths, of which there is one for each platform.
func (o Options) read(paths []string) ([]sbom.Program, error) {
	if len(o.Binaries) == 0 || o.Version == "" || o.Revision == "" || o.Created.IsZero() {
		return nil, errors.New("binaries, version, revision and time of the commit are required")
	}
	seen := map[string]string{}
	var programs []sbom.Program
	for _, path := range paths {
		p, err := sbom.Read(path, o.Version)
		if err != nil {
			return nil, err
		}
		if other := seen[p.Architecture()]; other != "" {
			return nil, fmt.Errorf("%s and %s are both for linux/%s: give one binary for each platform", other, path, p.Architecture())
		}
		seen[p.Architecture()] = path
		programs = append(programs, p)
	}
	return programs, nil
}

// beside reads the other program, by architecture: where there is one, every platform
// has it.
func (o Options) beside(programs []sbom.Program) (map[string]sbom.Program, error) {
	others, err := o.read(o.Beside)
	if err != nil {
		return nil, err
	}
	byArchitecture := map[string]sbom.Program{}
	for _, p := range others {
		byArchitecture[p.Architecture()] = p
	}
	for _, p := range programs {
		if _, ok := byArchitecture[p.Architecture()]; !ok && len(others) > 0 {
			return nil, fmt.Errorf("%s has nothing beside it for linux/%s: give the other program for each platform", p.Path, p.Architecture())
		}
	}
	return byArchitecture, nil
}

func (o Options) write(ctx context.Context, directory string, programs []sbom.Program, beside map[string]sbom.Program) (ocispec.Descriptor, error) {
	blobs, err := oci.NewStorage(directory)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	base, err := rootfs.Base()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	b := &builder{Options: o, blobs: blobs, base: base, beside: beside}
	index, bills, err := b.images(ctx, programs)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return index, entrance(directory, o.Version, index, bills)
}

// images writes the image of every program and the index, each with its bill of
// materials, and returns the index and the manifests of the bills.
func (b *builder) images(ctx context.Context, programs []sbom.Program) (ocispec.Descriptor, []ocispec.Descriptor, error) {
	var images, bills []ocispec.Descriptor
	var all []sbom.Program
	for _, p := range programs {
		included := []sbom.Program{p}
		if other, ok := b.beside[p.Architecture()]; ok {
			included = append(included, other)
		}
		all = append(all, included...)
		image, err := b.image(ctx, included)
		if err != nil {
			return ocispec.Descriptor{}, nil, fmt.Errorf("image of %s: %w", p.Path, err)
		}
		bill, err := b.bill(ctx, image, included...)
		if err != nil {
			return ocispec.Descriptor{}, nil, err
		}
		image.Platform = &ocispec.Platform{OS: "linux", Architecture: p.Architecture()}
		images, bills = append(images, image), append(bills, bill)
	}
	index, err := b.pushJSON(ctx, ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: images, Annotations: b.labels(),
	})
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	bill, err := b.bill(ctx, index, all...)
	return index, append(bills, bill), err
}
