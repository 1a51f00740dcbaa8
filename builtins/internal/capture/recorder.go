// SPDX-License-Identifier: Apache-2.0

package capture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/revocation"
)

// The kinds of contents.
const (
	kindManifest = "manifest"
	kindBlob     = "blob"
)

// Recorder is an [evidence.Source] that writes down every answer of another. It
// may be shared between goroutines. Of several answers to one question the first
// counts: what was verified by it is in the same recording.
type Recorder struct {
	source evidence.Source
	root   *os.Root
	at     time.Time

	mu         sync.Mutex
	tags       map[string]tagRecord
	lists      map[string]listRecord
	contents   map[string]contentRecord
	revocation map[string]revocation.Record
	faults     []error // of writing
}

// NewRecorder begins a recording at the given time in dir, which must be empty or
// not exist.
func NewRecorder(dir string, at time.Time) (*Recorder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // evidence is no secret
		return nil, err
	}
	if found, err := os.ReadDir(dir); err != nil || len(found) > 0 {
		return nil, errors.Join(err, fmt.Errorf("%s is not empty; name a new directory", dir))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Recorder{
		root: root, at: at.UTC(), tags: map[string]tagRecord{}, lists: map[string]listRecord{},
		contents: map[string]contentRecord{}, revocation: map[string]revocation.Record{},
	}, nil
}

// Over makes r record what source says. It is called once, before any question.
func (r *Recorder) Over(source evidence.Source) *Recorder {
	r.source = source
	return r
}

// Time is that of the recording.
func (r *Recorder) Time() time.Time { return r.at }

// Close writes the recording's index. The error also says what could not be
// written before.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := &archive{
		Version: archiveVersion, CapturedAt: r.at,
		Tags: sorted(r.tags), Referrers: sorted(r.lists), Contents: sorted(r.contents), Revocation: sorted(r.revocation),
	}
	return errors.Join(errors.Join(r.faults...), a.write(r.root), r.root.Close())
}

func sorted[V any](m map[string]V) []V {
	list := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[k])
	}
	return list
}

// note keeps the first answer.
func note[V any](r *Recorder, m map[string]V, key string, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := m[key]; !known {
		m[key] = v
	}
}

// tellable reports whether an answer is the source's: that our own time ran out
// or that somebody gave up is none.
func tellable(err error) bool { return !errors.Is(err, context.Canceled) }

// Resolve implements [evidence.Source].
func (r *Recorder) Resolve(ctx context.Context, ref reference.Reference) (ocispec.Descriptor, error) {
	d, err := r.source.Resolve(ctx, ref)
	r.tag(ref, d, err)
	return d, err
}

func (r *Recorder) tag(ref reference.Reference, d ocispec.Descriptor, err error) {
	if !tellable(err) {
		return
	}
	t := tagRecord{Reference: ref.String(), Error: failed(err)}
	if err == nil {
		t.Descriptor = &d
	}
	note(r, r.tags, t.Reference, t)
}

// Tagged implements [evidence.Source].
func (r *Recorder) Tagged(ctx context.Context, ref reference.Reference) (ocispec.Descriptor, []byte, error) {
	d, raw, err := r.source.Tagged(ctx, ref)
	r.tag(ref, d, err)
	if err == nil {
		r.content(kindManifest, ref, d.Digest, d, raw, nil)
	}
	return d, raw, err
}

// Referrers implements [evidence.Source].
func (r *Recorder) Referrers(ctx context.Context, subject reference.Reference, artifactType string) ([]ocispec.Descriptor, error) {
	list, err := r.source.Referrers(ctx, subject, artifactType)
	if tellable(err) {
		note(r, r.lists, subject.String()+" "+artifactType, listRecord{
			Subject: subject.String(), ArtifactType: artifactType, Descriptors: append([]ocispec.Descriptor{}, list...), Error: failed(err),
		})
	}
	return list, err
}

// Manifest implements [evidence.Source].
func (r *Recorder) Manifest(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	complete, raw, err := r.source.Manifest(ctx, ref, desc)
	r.content(kindManifest, ref, desc.Digest, complete, raw, err)
	return complete, raw, err
}

// Blob implements [evidence.Source].
func (r *Recorder) Blob(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) ([]byte, error) {
	raw, err := r.source.Blob(ctx, ref, desc)
	complete := ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: int64(len(raw))}
	r.content(kindBlob, ref, desc.Digest, complete, raw, err)
	return raw, err
}

func (r *Recorder) content(kind string, ref reference.Reference, d digest.Digest, desc ocispec.Descriptor, raw []byte, err error) {
	if !tellable(err) {
		return
	}
	c := contentRecord{Repository: ref.Name(), Kind: kind, Digest: d, Error: failed(err)}
	if err == nil {
		desc.Annotations, desc.Data, desc.URLs = nil, nil, nil
		c.Descriptor = &desc
		if !r.write(d, raw) {
			return
		}
	}
	note(r, r.contents, contentKey(kind, ref.Name(), d), c)
}

// write keeps a content; that it could not is said by Close.
func (r *Recorder) write(d digest.Digest, raw []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := writeFile(r.root, blobPath(d), raw)
	if err != nil {
		r.faults = append(r.faults, fmt.Errorf("write %s: %w", d, err))
	}
	return err == nil
}

func contentKey(kind, repository string, d digest.Digest) string {
	return kind + " " + repository + "@" + d.String()
}

// Note implements [revocation.Book].
func (r *Recorder) Note(record revocation.Record) {
	note(r, r.revocation, record.Key, record)
}

// Find implements [revocation.Book]: a recorder asks.
func (*Recorder) Find(string) (revocation.Record, bool) { return revocation.Record{}, false }

// Summary counts what was recorded: tags that exist, manifests, blobs.
func (r *Recorder) Summary() (tags, manifests, blobs int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tags {
		if t.Descriptor != nil {
			tags++
		}
	}
	for _, c := range r.contents {
		switch {
		case c.Descriptor == nil:
		case c.Kind == kindManifest:
			manifests++
		default:
			blobs++
		}
	}
	return tags, manifests, blobs
}
