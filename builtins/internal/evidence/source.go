// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// Source is where evidence comes from: a registry. Whatever it returns has been
// checked against digest and size.
type Source interface {
	// Resolve returns the descriptor that ref names now.
	Resolve(ctx context.Context, ref reference.Reference) (ocispec.Descriptor, error)
	// Tagged fetches the manifest that ref's tag names now.
	Tagged(ctx context.Context, ref reference.Reference) (ocispec.Descriptor, []byte, error)
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

// Tier keeps contents beyond the memory of the process: a directory, a server that
// replicas share. It is not trusted: Get hashes what it read.
type Tier interface {
	// Get returns the content kept under key if it has that digest and, unless
	// it is 0, that size in bytes.
	Get(ctx context.Context, key string, d digest.Digest, size int64) ([]byte, bool)
	// Put keeps content for later, or does not; it never waits.
	Put(key string, d digest.Digest, content []byte)
}

// Facts shares what changes between replicas: what a tag names, which referrers
// there are. No digest vouches for these, so an implementation must be certain
// that what it gives was put by a replica, under that key and at that time.
type Facts interface {
	// Recall returns what was shared under key, and when the source was asked for it.
	Recall(ctx context.Context, key string) (value []byte, asOf time.Time, ok bool)
	// Share gives the others value, JSON, for ttl, or does not; it never waits.
	Share(key string, value []byte, asOf time.Time, ttl time.Duration)
}

// Options bound a [Store]. Zero values are defaults unless said otherwise.
type Options struct {
	// ContentBytes is the memory for manifests and blobs, in bytes. Zero: 64 MiB.
	ContentBytes int64
	// Tiers keep contents as well, the nearest first. Empty: memory only.
	Tiers []Tier
	// Facts shares tags and lists of referrers with other replicas, which then
	// believe them for what is left of the TTL. Nil: each asks for itself.
	Facts Facts
	// Allows reports that the source may be asked about a reference. What tiers and
	// other replicas know about one that it may not is not used: they may have asked
	// under another configuration. Nil: it may be asked about all.
	Allows func(reference.Reference) bool
	// Entries bounds the number of tags, of referrers lists and of contents
	// that are kept. Zero: 10 000.
	Entries int
	// TagTTL is how long a tag is believed to name the same digest. Zero or
	// less: not at all.
	TagTTL time.Duration
	// ReferrersTTL is how long a list of referrers is believed. Zero or less:
	// not at all.
	ReferrersTTL time.Duration
	// Revalidate is how long after its TTL an answer may be given once more while
	// the source is asked again; see [Freshness]. Zero or less: not at all.
	Revalidate time.Duration
	// MaxStale is how long the last good answer is kept for those who would have
	// it if the source does not answer; see [Freshness]. Zero or less: not at all.
	MaxStale time.Duration
	// FailureTTL is how long a failure is repeated instead of asking again. Zero
	// or less: not at all.
	FailureTTL time.Duration
	// FetchTimeout bounds one shared request. Zero: 30 s.
	FetchTimeout time.Duration
	// Absent reports that an error of the source says: there is no such thing.
	// Nil: none does.
	Absent func(error) bool
	// Passing reports that an error says nothing about what was asked for, only
	// that the source could not be asked now. Nil: none does.
	Passing func(error) bool
	// Unasked reports that an error did not come from the source: it was not asked
	// this time. Such an error is not repeated. Nil: none is.
	Unasked func(error) bool
	// Describe completes the descriptor of a manifest whose bytes are known and
	// have its digest, or says how they contradict it. Nil: manifests that come
	// inside descriptors or from a tier are not used.
	Describe func(desc ocispec.Descriptor, manifest []byte) (ocispec.Descriptor, error)
	// Observe is told of every question and whether the cache had the answer.
	// Nil: nobody is.
	Observe func(cache string, hit bool)
	// Resized is told when the memory taken by contents changes, by how many
	// bytes. It must not call the store. Nil: nobody is.
	Resized func(delta int64)
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
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
	never := func(error) bool { return false }
	if o.Allows == nil {
		o.Allows = func(reference.Reference) bool { return true }
	}
	if o.Absent == nil {
		o.Absent = never
	}
	if o.Passing == nil {
		o.Passing = never
	}
	if o.Unasked == nil {
		o.Unasked = never
	}
	if o.Observe == nil {
		o.Observe = func(string, bool) {}
	}
	return o
}
