// SPDX-License-Identifier: Apache-2.0

package capture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

const (
	// maxDepth of referrers of referrers: a signature on an SBOM on an image is 2.
	maxDepth = 4
	// maxManifests of one crawl.
	maxManifests = 5000
)

// Crawl asks source everything about an image that a policy may want to know:
// what it names, its manifest and configuration, its children if it is an index,
// and everything that is attached to any of these, with its content. The layers of
// images are left alone. seen is told of every manifest. The error joins what could
// not be read; the rest has been.
func Crawl(ctx context.Context, source evidence.Source, image string, seen func(reference.Reference, ocispec.Descriptor)) error {
	ref, err := reference.Parse(image)
	if err != nil {
		return err
	}
	c := &crawler{source: source, seen: seen, known: map[digest.Digest]bool{}}
	desc, err := source.Resolve(ctx, ref)
	if err != nil {
		return fmt.Errorf("resolve %s: %w", ref, err)
	}
	c.manifest(ctx, ref.WithDigest(desc.Digest), desc, 0)
	return errors.Join(c.faults...)
}

type crawler struct {
	source evidence.Source
	seen   func(reference.Reference, ocispec.Descriptor)
	known  map[digest.Digest]bool
	faults []error
}

func (c *crawler) fault(doing string, err error) {
	c.faults = append(c.faults, fmt.Errorf("%s: %w", doing, err))
}

// manifest reads one manifest, what it refers to, and what refers to it. Depth 0
// is the image and its children, whose layers are software.
func (c *crawler) manifest(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor, depth int) {
	if c.known[desc.Digest] || ctx.Err() != nil {
		return
	}
	if len(c.known) == maxManifests {
		c.fault("capture "+ref.String(), fmt.Errorf("more than %d manifests", maxManifests))
	}
	if len(c.known) >= maxManifests {
		return
	}
	c.known[desc.Digest] = true
	complete, raw, err := c.source.Manifest(ctx, ref, desc)
	if err != nil {
		c.fault("fetch manifest "+desc.Digest.String(), err)
		return
	}
	c.seen(ref, complete)
	c.contents(ctx, ref, raw, depth)
	if depth < maxDepth {
		c.attached(ctx, ref, depth+1)
	}
}

func (c *crawler) contents(ctx context.Context, ref reference.Reference, raw []byte, depth int) {
	var m struct {
		ocispec.Manifest

		Manifests []ocispec.Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		c.fault("read manifest "+ref.String(), err)
		return
	}
	for _, child := range m.Manifests {
		c.manifest(ctx, ref.WithDigest(child.Digest), child, depth)
	}
	wanted := []ocispec.Descriptor{m.Config}
	if depth > 0 {
		wanted = append(wanted, m.Layers...)
	}
	for _, d := range wanted {
		if d.Digest == "" {
			continue
		}
		if _, err := c.source.Blob(ctx, ref, ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}); err != nil {
			c.fault("fetch blob "+d.Digest.String(), err)
		}
	}
}

// attached reads the referrers, and the tags that Cosign puts beside an image.
func (c *crawler) attached(ctx context.Context, subject reference.Reference, depth int) {
	referrers, err := c.source.Referrers(ctx, subject, "")
	if err != nil {
		c.fault("list referrers of "+subject.String(), err)
	}
	for _, d := range referrers {
		c.manifest(ctx, subject.WithDigest(d.Digest), d, depth)
	}
	for _, suffix := range []string{".sig", ".att", ".sbom"} {
		tag := reference.Reference{
			Registry: subject.Registry, Repository: subject.Repository,
			Tag: strings.ReplaceAll(subject.Digest.String(), ":", "-") + suffix,
		}
		d, _, err := c.source.Tagged(ctx, tag)
		if code, _ := registry.Classify(err); err != nil && code != report.NotFound {
			c.fault("fetch "+tag.String(), err)
		}
		if err == nil {
			c.manifest(ctx, subject.WithDigest(d.Digest), d, depth)
		}
	}
}
