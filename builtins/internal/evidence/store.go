// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// Source is where evidence comes from: a registry, or a [Store] before one.
// Whatever it returns has been checked against digest and size.
type Source interface {
	// Resolve returns the descriptor that ref names now.
	Resolve(ctx context.Context, ref reference.Reference) (ocispec.Descriptor, error)
	// Referrers lists what names subject, which has a digest, as its subject;
	// of one artifact type, or all if that is "". When a limit is reached the
	// list is as far as it went, beside an error.
	Referrers(ctx context.Context, subject reference.Reference, artifactType string) ([]ocispec.Descriptor, error)
	// Manifest fetches the manifest desc names in ref's repository. A zero size
	// or media type means unknown; the descriptor returned is complete.
	Manifest(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) (ocispec.Descriptor, []byte, error)
	// Blob fetches the blob desc names in ref's repository.
	Blob(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) ([]byte, error)
}

// Options bound a [Store]. Zero values are defaults unless said otherwise.
type Options struct {
	// ContentBytes is the memory for manifests and blobs, in bytes. Zero: 64 MiB.
	ContentBytes int64
	// Entries bounds the number of tags, of referrers lists and of contents
	// that are kept. Zero: 10 000.
	Entries int
	// TagTTL is how long a tag is believed to name the same digest. Zero or
	// less: not at all.
	TagTTL time.Duration
	// ReferrersTTL is how long a list of referrers is believed. Zero or less:
	// not at all.
	ReferrersTTL time.Duration
	// FailureTTL is how long a failure is repeated instead of asking again. Zero
	// or less: not at all.
	FailureTTL time.Duration
	// FetchTimeout bounds one shared request. Zero: 30 s.
	FetchTimeout time.Duration
	// Absent reports that an error of the source says: there is no such thing.
	// Nil: none does.
	Absent func(error) bool
	// Observe is told of every question and whether the cache had the answer.
	// Nil: nobody is.
	Observe func(cache string, hit bool)
	// Resized is told when the memory taken by contents changes, by how many
	// bytes. It must not call the store. Nil: nobody is.
	Resized func(delta int64)
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Store is a [Source] that remembers. It may be shared between goroutines.
type Store struct {
	source  Source
	options Options

	content   *Cache[content]
	tags      *Cache[answer[ocispec.Descriptor]]
	referrers *Cache[answer[[]ocispec.Descriptor]]

	fetching  *Flight[content]
	resolving *Flight[ocispec.Descriptor]
	listing   *Flight[[]ocispec.Descriptor]
}

type content struct {
	desc  ocispec.Descriptor
	bytes []byte
}

// answer is a result or the failure that stands in for it for a moment.
type answer[V any] struct {
	value V
	err   error
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
		tags:      NewCache[answer[ocispec.Descriptor]](o.Entries, lists, o.Now),
		referrers: NewCache[answer[[]ocispec.Descriptor]](o.Entries, lists, o.Now),
		fetching:  NewFlight[content](o.FetchTimeout),
		resolving: NewFlight[ocispec.Descriptor](o.FetchTimeout),
		listing:   NewFlight[[]ocispec.Descriptor](o.FetchTimeout),
	}
	s.content.resized = o.Resized
	return s
}

func (o Options) withDefaults() Options {
	if o.ContentBytes == 0 {
		o.ContentBytes = 64 << 20
	}
	if o.Entries == 0 {
		o.Entries = 10_000
	}
	if o.FetchTimeout == 0 {
		o.FetchTimeout = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Absent == nil {
		o.Absent = func(error) bool { return false }
	}
	if o.Observe == nil {
		o.Observe = func(string, bool) {}
	}
	return o
}

// Close forgets all contents. The store goes on working.
func (s *Store) Close() { s.content.Clear() }

// ContentBytes returns how much memory contents take now.
func (s *Store) ContentBytes() int64 { return s.content.Cost() }

// Resolve implements [Source]. A tag is remembered for TagTTL.
func (s *Store) Resolve(ctx context.Context, ref reference.Reference) (ocispec.Descriptor, error) {
	return remember(ctx, s, question[ocispec.Descriptor]{
		name: "tags", key: ref.String(), ttl: s.options.TagTTL, cache: s.tags, flight: s.resolving,
		cost: func(ocispec.Descriptor) int64 { return descriptorCost },
		ask:  func(ctx context.Context) (ocispec.Descriptor, error) { return s.source.Resolve(ctx, ref) },
	})
}

// Probe resolves a tag that usually does not exist. That it does not is an
// answer, remembered for TagTTL as a digest would be, and not a failure; the
// descriptor's digest is "" then.
func (s *Store) Probe(ctx context.Context, ref reference.Reference) (ocispec.Descriptor, error) {
	return remember(ctx, s, question[ocispec.Descriptor]{
		name: "tags", key: "? " + ref.String(), ttl: s.options.TagTTL, cache: s.tags, flight: s.resolving,
		cost: func(ocispec.Descriptor) int64 { return descriptorCost },
		ask: func(ctx context.Context) (ocispec.Descriptor, error) {
			desc, err := s.source.Resolve(ctx, ref)
			if err != nil && s.options.Absent(err) {
				return ocispec.Descriptor{}, nil
			}
			return desc, err
		},
	})
}

// Referrers implements [Source]. A list is remembered for ReferrersTTL. The
// caller must not change it.
func (s *Store) Referrers(ctx context.Context, subject reference.Reference, artifactType string) ([]ocispec.Descriptor, error) {
	return remember(ctx, s, question[[]ocispec.Descriptor]{
		name: "referrers", key: subject.String() + " " + artifactType, ttl: s.options.ReferrersTTL, cache: s.referrers, flight: s.listing,
		cost: func(list []ocispec.Descriptor) int64 { return int64(1+len(list)) * descriptorCost },
		ask: func(ctx context.Context) ([]ocispec.Descriptor, error) {
			return s.source.Referrers(ctx, subject, artifactType)
		},
	})
}

// question is one kind of fact that changes: where it is kept, for how long,
// and how to ask for it.
type question[V any] struct {
	name, key string
	ttl       time.Duration
	cache     *Cache[answer[V]]
	flight    *Flight[V]
	cost      func(V) int64
	ask       func(context.Context) (V, error)
}

func remember[V any](ctx context.Context, s *Store, q question[V]) (V, error) {
	if a, ok := q.cache.Get(q.key); ok {
		s.options.Observe(q.name, true)
		return a.value, a.err
	}
	s.options.Observe(q.name, false)
	return q.flight.Do(ctx, q.key, func(ctx context.Context) (V, error) {
		value, err := q.ask(ctx)
		s.keep(err, q.ttl, func(expires time.Time) {
			q.cache.Put(q.key, answer[V]{value, err}, q.cost(value), expires)
		})
		return value, err
	})
}

// keep calls put with the moment until which an answer may be repeated, if it
// may be at all. That our own time ran out says nothing about the registry.
func (s *Store) keep(err error, ttl time.Duration, put func(expires time.Time)) {
	if errors.Is(err, context.Canceled) || errors.Is(err, ErrPanic) {
		return
	}
	if err != nil {
		ttl = s.options.FailureTTL
	}
	if ttl > 0 {
		put(s.options.Now().Add(ttl))
	}
}

// Manifest implements [Source]. Content named by digest is kept until room is
// needed; the bytes are shared and must not be changed.
func (s *Store) Manifest(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	c, err := s.fetch(ctx, "m", ref, desc, func(ctx context.Context) (content, error) {
		desc, b, err := s.source.Manifest(ctx, ref, desc)
		return content{desc, b}, err
	})
	return c.desc, c.bytes, err
}

// Blob implements [Source], as Manifest does.
func (s *Store) Blob(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) ([]byte, error) {
	c, err := s.fetch(ctx, "b", ref, desc, func(ctx context.Context) (content, error) {
		b, err := s.source.Blob(ctx, ref, desc)
		return content{desc, b}, err
	})
	return c.bytes, err
}

// fetch is keyed by repository too: that a digest is readable in one repository
// must not tell a stranger that it exists in another. The size is part of the
// key because a descriptor with the wrong one has to fail at the source.
func (s *Store) fetch(ctx context.Context, kind string, ref reference.Reference, desc ocispec.Descriptor, get func(context.Context) (content, error)) (content, error) {
	key := fmt.Sprintf("%s %s@%s %d", kind, ref.Name(), desc.Digest, desc.Size)
	if c, ok := s.content.Get(key); ok {
		s.options.Observe("content", true)
		return c, nil
	}
	s.options.Observe("content", false)
	return s.fetching.Do(ctx, key, func(ctx context.Context) (content, error) {
		c, err := get(ctx)
		if err == nil {
			c.bytes = slices.Clip(c.bytes)
			s.content.Put(key, c, int64(len(c.bytes))+contentCost, time.Time{})
		}
		return c, err
	})
}
