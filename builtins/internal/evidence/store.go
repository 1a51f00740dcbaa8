// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// Store remembers what a [Source] said. It may be shared between goroutines.
type Store struct {
	source  Source
	options Options

	content   *Cache[content]
	tags      *Cache[fact[ocispec.Descriptor]]
	referrers *Cache[fact[[]ocispec.Descriptor]]

	fetching  *Flight[content]
	resolving *Flight[told[ocispec.Descriptor]]
	listing   *Flight[told[[]ocispec.Descriptor]]

	fresh      atomic.Uint64 // counts questions that share no answer
	refreshing atomic.Int64  // questions put again in the background
}

type content struct {
	desc  ocispec.Descriptor
	bytes []byte
}

// The rough sizes of cache entries in bytes, maps and headers included.
const (
	descriptorCost = 512
	contentCost    = 256
)

// NewStore returns a store in front of source.
func NewStore(source Source, o Options) *Store {
	o = o.withDefaults()
	lists := int64(o.Entries) * descriptorCost
	s := &Store{
		source:    source,
		options:   o,
		content:   NewCache[content](o.Entries, o.ContentBytes, o.Now),
		tags:      NewCache[fact[ocispec.Descriptor]](o.Entries, lists, o.Now),
		referrers: NewCache[fact[[]ocispec.Descriptor]](o.Entries, lists, o.Now),
		fetching:  NewFlight[content](o.FetchTimeout),
		resolving: NewFlight[told[ocispec.Descriptor]](o.FetchTimeout),
		listing:   NewFlight[told[[]ocispec.Descriptor]](o.FetchTimeout),
	}
	s.content.resized = o.Resized
	return s
}

// Close forgets all contents. The store goes on working.
func (s *Store) Close() { s.content.Clear() }

// ContentBytes returns how much memory contents take now.
func (s *Store) ContentBytes() int64 { return s.content.Cost() }

// Resolve returns the descriptor that ref names, as fresh as f demands. A tag is
// remembered for TagTTL.
func (s *Store) Resolve(ctx context.Context, ref reference.Reference, f Freshness) (ocispec.Descriptor, Age, error) {
	return remember(ctx, s, question[ocispec.Descriptor]{
		name: "tags", about: ref, key: ref.String(), ttl: s.options.TagTTL, cache: s.tags, flight: s.resolving, cost: oneCost,
		ask: func(ctx context.Context) (ocispec.Descriptor, error) { return s.source.Resolve(ctx, ref) },
	}, f)
}

// Probe resolves a tag that usually does not exist. That it does not is an
// answer, remembered for TagTTL as a digest would be, and not a failure; the
// descriptor's digest is "" then. The manifest of a tag that does exist is known
// afterwards, so that it costs one request and not two.
func (s *Store) Probe(ctx context.Context, ref reference.Reference, f Freshness) (ocispec.Descriptor, Age, error) {
	return remember(ctx, s, question[ocispec.Descriptor]{
		name: "tags", about: ref, key: "? " + ref.String(), ttl: s.options.TagTTL, cache: s.tags, flight: s.resolving, cost: oneCost,
		ask: func(ctx context.Context) (ocispec.Descriptor, error) {
			desc, manifest, err := s.source.Tagged(ctx, ref)
			switch {
			case err == nil:
				s.keepContent(contentKey(manifests, ref, desc), content{desc, manifest})
			case s.options.Absent(err):
				return ocispec.Descriptor{}, nil
			}
			return desc, err
		},
	}, f)
}

// Referrers lists what names subject, as fresh as f demands; see [Source]. A
// list is remembered for ReferrersTTL. The caller must not change it.
func (s *Store) Referrers(ctx context.Context, subject reference.Reference, artifactType string, f Freshness) ([]ocispec.Descriptor, Age, error) {
	return remember(ctx, s, question[[]ocispec.Descriptor]{
		name: "referrers", about: subject, key: subject.String() + " " + artifactType, ttl: s.options.ReferrersTTL, cache: s.referrers, flight: s.listing, cost: listCost,
		ask: func(ctx context.Context) ([]ocispec.Descriptor, error) {
			return s.source.Referrers(ctx, subject, artifactType)
		},
	}, f)
}

func oneCost(ocispec.Descriptor) int64 { return descriptorCost }

func listCost(list []ocispec.Descriptor) int64 {
	cost := int64(1+len(list)) * descriptorCost
	for _, d := range list {
		cost += int64(len(d.Data))
		for k, v := range d.Annotations {
			cost += int64(len(k) + len(v))
		}
	}
	return cost
}

// Manifest returns the manifest desc names; see [Source]. Content named by digest
// is kept until room is needed; the bytes are shared and must not be changed.
func (s *Store) Manifest(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	c, err := s.fetch(ctx, manifests, ref, desc, s.options.Describe, func(ctx context.Context) (content, error) {
		desc, b, err := s.source.Manifest(ctx, ref, desc)
		return content{desc, b}, err
	})
	return c.desc, c.bytes, err
}

// Blob returns the blob desc names, as Manifest does.
func (s *Store) Blob(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) ([]byte, error) {
	itself := func(d ocispec.Descriptor, _ []byte) (ocispec.Descriptor, error) { return d, nil }
	c, err := s.fetch(ctx, blobs, ref, desc, itself, func(ctx context.Context) (content, error) {
		b, err := s.source.Blob(ctx, ref, desc)
		return content{desc, b}, err
	})
	return c.bytes, err
}

// The kinds of content.
const (
	manifests = "m"
	blobs     = "b"
)

// contentKey names content by repository too: that a digest is readable in one
// repository must not tell a stranger that it exists in another. The size is part
// of the key because a descriptor with the wrong one has to fail at the source.
func contentKey(kind string, ref reference.Reference, desc ocispec.Descriptor) string {
	return fmt.Sprintf("%s %s@%s %d", kind, ref.Name(), desc.Digest, desc.Size)
}

// fetch looks for content in memory, in the descriptor itself, in the tiers, and at
// the source. describe is for bytes that did not come from the source.
func (s *Store) fetch(
	ctx context.Context, kind string, ref reference.Reference, desc ocispec.Descriptor,
	describe func(ocispec.Descriptor, []byte) (ocispec.Descriptor, error), get func(context.Context) (content, error),
) (content, error) {
	key := contentKey(kind, ref, desc)
	if c, ok := s.content.Get(key); ok {
		s.options.Observe("content", true)
		return c, nil
	}
	if describe != nil && inline(desc) {
		complete, err := describe(desc, desc.Data)
		return content{complete, desc.Data}, err
	}
	s.options.Observe("content", false)
	return s.fetching.Do(ctx, key, func(ctx context.Context) (content, error) {
		if c, ok := s.lookUp(ctx, key, ref, desc, describe); ok {
			return s.put(key, c), nil
		}
		c, err := get(ctx)
		if err != nil {
			return c, err
		}
		return s.keepContent(key, c), nil
	})
}

// lookUp looks for content in the tiers. The nearer ones get what a farther one had.
func (s *Store) lookUp(
	ctx context.Context, key string, ref reference.Reference, desc ocispec.Descriptor, describe func(ocispec.Descriptor, []byte) (ocispec.Descriptor, error),
) (content, bool) {
	if describe == nil || !s.options.Allows(ref) {
		return content{}, false
	}
	for i, tier := range s.options.Tiers {
		b, ok := tier.Get(ctx, key, desc.Digest, desc.Size)
		if !ok {
			continue
		}
		if complete, err := describe(desc, b); err == nil {
			putAll(s.options.Tiers[:i], key, desc.Digest, b)
			return content{complete, b}, true
		}
	}
	return content{}, false
}

// keepContent keeps what came from the source in memory and in all tiers.
func (s *Store) keepContent(key string, c content) content {
	putAll(s.options.Tiers, key, c.desc.Digest, c.bytes)
	return s.put(key, c)
}

func putAll(tiers []Tier, key string, d digest.Digest, b []byte) {
	for _, tier := range tiers {
		tier.Put(key, d, b)
	}
}

func (s *Store) put(key string, c content) content {
	c.desc.Data = nil
	c.bytes = slices.Clip(c.bytes)
	s.content.Put(key, c, int64(len(c.bytes))+contentCost, time.Time{})
	return c
}

// inline reports whether a descriptor brings its content along.
//
// Spec: OCI image v1.1.1, "Embedded Content".
func inline(desc ocispec.Descriptor) bool {
	return len(desc.Data) > 0 && int64(len(desc.Data)) == desc.Size && desc.Digest.Validate() == nil &&
		desc.Digest.Algorithm().FromBytes(desc.Data) == desc.Digest
}
