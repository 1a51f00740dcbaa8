// SPDX-License-Identifier: Apache-2.0

// Package attached walks everything that is attached to an image: its children if
// it is an index, what refers to any of them, what refers to that, and what lies
// under the tags that Cosign puts beside them. Nothing is verified; it is for
// people to look at, and for keeping.
//
// Spec: OCI distribution v1.1.1, "Listing Referrers".
package attached

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
	// maxManifests of one walk.
	maxManifests = 5000
)

// Node is one manifest.
type Node struct {
	Reference  reference.Reference // by digest
	Descriptor ocispec.Descriptor  // complete; annotations are the manifest's own
	Tag        string              // under which it was found beside its subject; "" if by its digest
	Contents   []ocispec.Descriptor
	Children   []*Node // of an index, with their platforms
	Attached   []*Node // what refers to it
}

// Options say what a walk does besides. The zero value is fine.
type Options struct {
	// Contents fetches blobs too: configurations, and the layers of what is
	// attached. Layers of images are software and left alone.
	Contents bool
	// Seen is told of every node when its manifest was read. Nil: nobody is.
	Seen func(*Node)
}

// Walk returns the tree of an image. The error joins what could not be read; the
// tree has the rest, and is nil if the image does not resolve.
func Walk(ctx context.Context, source evidence.Source, image string, o Options) (*Node, error) {
	ref, err := reference.Parse(image)
	if err != nil {
		return nil, err
	}
	desc, err := source.Resolve(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", ref, err)
	}
	if o.Seen == nil {
		o.Seen = func(*Node) {}
	}
	w := &walk{source: source, options: o, known: map[digest.Digest]bool{}}
	root := w.manifest(ctx, ref.WithDigest(desc.Digest), desc, 0)
	return root, errors.Join(w.faults...)
}

type walk struct {
	source  evidence.Source
	options Options
	known   map[digest.Digest]bool
	faults  []error
}

func (w *walk) fault(doing string, err error) {
	w.faults = append(w.faults, fmt.Errorf("%s: %w", doing, err))
}

// manifest reads one manifest, what it refers to, and what refers to it. Depth 0
// is the image and its children. It returns nil for one that is known already.
func (w *walk) manifest(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor, depth int) *Node {
	if w.known[desc.Digest] || ctx.Err() != nil {
		return nil
	}
	if len(w.known) == maxManifests {
		w.fault("walk "+ref.String(), fmt.Errorf("more than %d manifests", maxManifests))
		return nil
	}
	w.known[desc.Digest] = true
	complete, raw, err := w.source.Manifest(ctx, ref, desc)
	if err != nil {
		w.fault("fetch manifest "+desc.Digest.String(), err)
		return nil
	}
	complete.Platform, complete.Annotations = desc.Platform, nil
	n := &Node{Reference: ref, Descriptor: complete}
	children := w.inside(ctx, n, raw, depth)
	w.options.Seen(n)
	for _, child := range children {
		n.Children = appendNode(n.Children, w.manifest(ctx, ref.WithDigest(child.Digest), child, depth))
	}
	if depth < maxDepth {
		w.attached(ctx, n, depth+1)
	}
	return n
}

func appendNode(list []*Node, n *Node) []*Node {
	if n == nil {
		return list
	}
	return append(list, n)
}

// inside reads what a manifest says and returns the children of an index.
func (w *walk) inside(ctx context.Context, n *Node, raw []byte, depth int) []ocispec.Descriptor {
	var m struct {
		ocispec.Manifest

		Manifests []ocispec.Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		w.fault("read manifest "+n.Reference.String(), err)
		return nil
	}
	n.Descriptor.Annotations, n.Contents = m.Annotations, m.Layers
	if !w.options.Contents {
		return m.Manifests
	}
	wanted := []ocispec.Descriptor{m.Config}
	if depth > 0 {
		wanted = append(wanted, m.Layers...)
	}
	for _, d := range wanted {
		if d.Digest == "" {
			continue
		}
		if _, err := w.source.Blob(ctx, n.Reference, ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}); err != nil {
			w.fault("fetch blob "+d.Digest.String(), err)
		}
	}
	return m.Manifests
}

// attached reads the referrers, and the tags that Cosign puts beside a subject.
func (w *walk) attached(ctx context.Context, subject *Node, depth int) {
	ref := subject.Reference
	referrers, err := w.source.Referrers(ctx, ref, "")
	if err != nil {
		w.fault("list referrers of "+ref.String(), err)
	}
	for _, d := range referrers {
		subject.Attached = appendNode(subject.Attached, w.manifest(ctx, ref.WithDigest(d.Digest), d, depth))
	}
	for _, suffix := range []string{".sig", ".att", ".sbom"} {
		beside := reference.Reference{
			Registry: ref.Registry, Repository: ref.Repository, Tag: strings.ReplaceAll(ref.Digest.String(), ":", "-") + suffix,
		}
		d, _, err := w.source.Tagged(ctx, beside)
		if code, _ := registry.Classify(err); err != nil && code != report.NotFound {
			w.fault("fetch "+beside.String(), err)
		}
		if err != nil {
			continue
		}
		if n := w.manifest(ctx, ref.WithDigest(d.Digest), d, depth); n != nil {
			n.Tag = beside.Tag
			subject.Attached = append(subject.Attached, n)
		}
	}
}
