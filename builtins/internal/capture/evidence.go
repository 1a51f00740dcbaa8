// SPDX-License-Identifier: Apache-2.0

package capture

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/revocation"
)

// Evidence is a recording that answers in place of a registry: an
// [evidence.Source]. It may be shared between goroutines.
type Evidence struct {
	dir        string
	root       *os.Root
	at         time.Time
	tags       map[string]tagRecord
	lists      map[string]listRecord
	contents   map[string]contentRecord
	revocation map[string]revocation.Record
}

// Open reads a recording that a [Recorder] left in dir.
func Open(dir string) (*Evidence, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("captured evidence: %w", err)
	}
	a, err := readArchive(root)
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("captured evidence in %s: %w", dir, err)
	}
	e := &Evidence{
		dir: dir, root: root, at: a.CapturedAt, tags: map[string]tagRecord{}, lists: map[string]listRecord{},
		contents: map[string]contentRecord{}, revocation: map[string]revocation.Record{},
	}
	for _, t := range a.Tags {
		e.tags[t.Reference] = t
	}
	for _, l := range a.Referrers {
		e.lists[l.Subject+" "+l.ArtifactType] = l
	}
	for _, c := range a.Contents {
		e.contents[contentKey(c.Kind, c.Repository, c.Digest)] = c
	}
	for _, r := range a.Revocation {
		e.revocation[r.Key] = r
	}
	return e, nil
}

// Time is when the evidence was captured.
func (e *Evidence) Time() time.Time { return e.at }

// Close lets go of the directory.
func (e *Evidence) Close() error { return e.root.Close() }

// missing is the answer to a question that was not put at the time.
func (e *Evidence) missing(what string) error {
	return &registry.Error{Code: report.NotCaptured, Err: fmt.Errorf(
		"%s was not asked when the evidence in %s was captured; capture again, with this image and this policy", what, e.dir)}
}

// Resolve implements [evidence.Source].
func (e *Evidence) Resolve(_ context.Context, ref reference.Reference) (ocispec.Descriptor, error) {
	if t, ok := e.tags[ref.String()]; ok {
		if t.Descriptor == nil {
			return ocispec.Descriptor{}, orBroken(t.Error)
		}
		return *t.Descriptor, nil
	}
	if c, ok := e.contents[contentKey(kindManifest, ref.Name(), ref.Digest)]; ok && c.Descriptor != nil {
		return *c.Descriptor, nil
	}
	return ocispec.Descriptor{}, e.missing("what " + ref.String() + " names")
}

// Tagged implements [evidence.Source].
func (e *Evidence) Tagged(ctx context.Context, ref reference.Reference) (ocispec.Descriptor, []byte, error) {
	d, err := e.Resolve(ctx, ref)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	return e.Manifest(ctx, ref, d)
}

// Referrers implements [evidence.Source]. A list of one type may come out of a
// list of all.
func (e *Evidence) Referrers(_ context.Context, subject reference.Reference, artifactType string) ([]ocispec.Descriptor, error) {
	if l, ok := e.lists[subject.String()+" "+artifactType]; ok {
		return l.Descriptors, l.Error.err()
	}
	l, ok := e.lists[subject.String()+" "]
	if !ok {
		return nil, e.missing(fmt.Sprintf("which referrers of type %q %s has", artifactType, subject))
	}
	of := slices.DeleteFunc(slices.Clone(l.Descriptors), func(d ocispec.Descriptor) bool { return d.ArtifactType != artifactType })
	return of, l.Error.err()
}

// Manifest implements [evidence.Source].
func (e *Evidence) Manifest(_ context.Context, ref reference.Reference, desc ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	raw, err := e.content(kindManifest, ref, desc)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	complete, err := registry.Describe(desc, raw)
	return complete, raw, err
}

// Blob implements [evidence.Source].
func (e *Evidence) Blob(_ context.Context, ref reference.Reference, desc ocispec.Descriptor) ([]byte, error) {
	return e.content(kindBlob, ref, desc)
}

// content reads a content and checks it as if a stranger had sent it.
func (e *Evidence) content(kind string, ref reference.Reference, desc ocispec.Descriptor) ([]byte, error) {
	c, ok := e.contents[contentKey(kind, ref.Name(), desc.Digest)]
	switch {
	case !ok, desc.Digest.Validate() != nil:
		return nil, e.missing(fmt.Sprintf("%s %s of %s", kind, desc.Digest, ref.Name()))
	case c.Descriptor == nil:
		return nil, orBroken(c.Error)
	}
	raw, err := readFile(e.root, blobPath(desc.Digest), maxContent)
	if err != nil {
		return nil, &registry.Error{Code: report.NotCaptured, Err: fmt.Errorf("captured evidence in %s: %w", e.dir, err)}
	}
	if desc.Digest.Algorithm().FromBytes(raw) != desc.Digest || desc.Size > 0 && int64(len(raw)) != desc.Size {
		return nil, &registry.Error{Code: report.DigestMismatch, Err: fmt.Errorf("the captured bytes in %s are not those of %s with %d bytes", e.dir, desc.Digest, desc.Size)}
	}
	return raw, nil
}

// orBroken is the recorded failure; a record without answer and failure is none.
func orBroken(f *failure) error {
	if f == nil {
		return &registry.Error{Code: report.NotCaptured, Err: fmt.Errorf("%s has a record without an answer", archiveName)}
	}
	return f.err()
}

// Find implements [revocation.Book].
func (e *Evidence) Find(key string) (revocation.Record, bool) {
	r, ok := e.revocation[key]
	if !ok {
		r = revocation.Record{Key: key, Error: "it was not asked when the evidence was captured; capture again, with this policy (capture -b)"}
	}
	return r, true
}

// Note implements [revocation.Book]; there is nothing new.
func (*Evidence) Note(revocation.Record) {}
