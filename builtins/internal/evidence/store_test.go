// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// counting is a source that counts what it is asked. The registry itself is
// tested with the registry client.
type counting struct {
	resolved, tagged, listed, manifests, blobs int
	err                                        error
}

var body = []byte("a blob")

func (c *counting) Resolve(context.Context, reference.Reference) (ocispec.Descriptor, error) {
	c.resolved++
	return ocispec.Descriptor{Digest: digest.FromBytes(body), Size: int64(len(body))}, c.err
}

func (c *counting) Tagged(context.Context, reference.Reference) (ocispec.Descriptor, []byte, error) {
	c.tagged++
	return ocispec.Descriptor{Digest: digest.FromBytes(body), Size: int64(len(body))}, body, c.err
}

func (c *counting) Referrers(context.Context, reference.Reference, string) ([]ocispec.Descriptor, error) {
	c.listed++
	return []ocispec.Descriptor{{Digest: digest.FromBytes(body)}}, c.err
}

func (c *counting) Manifest(_ context.Context, _ reference.Reference, d ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	c.manifests++
	return d, body, c.err
}

func (c *counting) Blob(context.Context, reference.Reference, ocispec.Descriptor) ([]byte, error) {
	c.blobs++
	return body, c.err
}

func parse(t *testing.T, s string) reference.Reference {
	t.Helper()
	ref, err := reference.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func newStore(source evidence.Source, c *clock) *evidence.Store {
	return evidence.NewStore(source, evidence.Options{
		TagTTL: 10 * time.Second, ReferrersTTL: 20 * time.Second, FailureTTL: 2 * time.Second, Now: c.now,
	})
}

func TestStoreBelievesATagForItsTTL(t *testing.T) {
	t.Parallel()
	source, c := &counting{}, newClock()
	store := newStore(source, c)
	for range 3 {
		if _, _, err := store.Resolve(t.Context(), parse(t, "registry.example/app:v1"), evidence.Freshness{}); err != nil {
			t.Fatal(err)
		}
	}
	if source.resolved != 1 {
		t.Errorf("asked %d times within the TTL", source.resolved)
	}
	c.at = c.at.Add(10 * time.Second)
	if _, _, err := store.Resolve(t.Context(), parse(t, "registry.example/app:v1"), evidence.Freshness{}); err != nil || source.resolved != 2 {
		t.Errorf("after the TTL: asked %d times, %v", source.resolved, err)
	}
}

// That a tag does not exist is remembered as long as what a tag names; that it
// could not be asked is not.
func TestStoreRemembersAbsence(t *testing.T) {
	t.Parallel()
	missing := errors.New("404")
	source, c := &counting{err: missing}, newClock()
	store := evidence.NewStore(source, evidence.Options{
		TagTTL: 10 * time.Second, FailureTTL: 2 * time.Second, Now: c.now, Absent: func(err error) bool { return errors.Is(err, missing) },
	})
	ref := parse(t, "registry.example/app:sha256-0.sig")
	for range 3 {
		if d, _, err := store.Probe(t.Context(), ref, evidence.Freshness{}); err != nil || d.Digest != "" {
			t.Fatalf("got %v, %v", d, err)
		}
		c.at = c.at.Add(3 * time.Second)
	}
	if source.tagged != 1 {
		t.Errorf("asked %d times within the TTL", source.tagged)
	}
	c.at = c.at.Add(10 * time.Second)
	source.err = errors.New("503")
	if _, _, err := store.Probe(t.Context(), ref, evidence.Freshness{}); err == nil {
		t.Error("a failure was taken for absence")
	}
}

func TestStoreKeepsArtifactTypesApart(t *testing.T) {
	t.Parallel()
	source := &counting{}
	store := newStore(source, newClock())
	subject := parse(t, "registry.example/app:v1").WithDigest(digest.FromBytes(body))
	for _, artifactType := range []string{"a", "b", "a"} {
		if _, _, err := store.Referrers(t.Context(), subject, artifactType, evidence.Freshness{}); err != nil {
			t.Fatal(err)
		}
	}
	if source.listed != 2 {
		t.Errorf("asked %d times for two artifact types", source.listed)
	}
}

func TestStoreRepeatsAFailureOnlyForAMoment(t *testing.T) {
	t.Parallel()
	source, c := &counting{err: errors.New("503")}, newClock()
	store := newStore(source, c)
	ref := parse(t, "registry.example/app:v1")
	for range 3 {
		if _, _, err := store.Resolve(t.Context(), ref, evidence.Freshness{}); err == nil {
			t.Fatal("no error")
		}
	}
	if source.resolved != 1 {
		t.Errorf("asked %d times within the failure TTL", source.resolved)
	}
	c.at = c.at.Add(2 * time.Second)
	source.err = nil
	if _, _, err := store.Resolve(t.Context(), ref, evidence.Freshness{}); err != nil {
		t.Errorf("after the failure TTL: %v", err)
	}
}

func TestStoreForgetsACancelledQuestion(t *testing.T) {
	t.Parallel()
	source := &counting{err: context.Canceled}
	store := newStore(source, newClock())
	ref := parse(t, "registry.example/app:v1")
	for range 2 {
		if _, _, err := store.Resolve(t.Context(), ref, evidence.Freshness{}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if source.resolved != 2 {
		t.Errorf("a cancellation was remembered: asked %d times", source.resolved)
	}
}

func TestStoreFetchesContentOnce(t *testing.T) {
	t.Parallel()
	source, c := &counting{}, newClock()
	store := newStore(source, c)
	desc := ocispec.Descriptor{Digest: digest.FromBytes(body), Size: int64(len(body))}
	for range 3 {
		if _, err := store.Blob(t.Context(), parse(t, "registry.example/app"), desc); err != nil {
			t.Fatal(err)
		}
		c.at = c.at.Add(24 * time.Hour)
	}
	if source.blobs != 1 {
		t.Errorf("fetched %d times", source.blobs)
	}
}

// A digest known in one repository says nothing about another: that would be an
// oracle for private content.
func TestStoreKeepsRepositoriesApart(t *testing.T) {
	t.Parallel()
	source := &counting{}
	store := newStore(source, newClock())
	desc := ocispec.Descriptor{Digest: digest.FromBytes(body), Size: int64(len(body))}
	for _, image := range []string{"registry.example/a", "registry.example/b", "other.example/a"} {
		if _, err := store.Blob(t.Context(), parse(t, image), desc); err != nil {
			t.Fatal(err)
		}
	}
	if source.blobs != 3 {
		t.Errorf("fetched %d times for three repositories", source.blobs)
	}
}

// A descriptor that lies about the size has to fail at the source although the
// digest is known.
func TestStoreAsksAgainForAnotherSize(t *testing.T) {
	t.Parallel()
	source := &counting{}
	store := newStore(source, newClock())
	for _, size := range []int64{int64(len(body)), 1} {
		desc := ocispec.Descriptor{Digest: digest.FromBytes(body), Size: size}
		if _, err := store.Blob(t.Context(), parse(t, "registry.example/a"), desc); err != nil {
			t.Fatal(err)
		}
	}
	if source.blobs != 2 {
		t.Errorf("fetched %d times", source.blobs)
	}
}

func TestStoreDoesNotKeepFailedContent(t *testing.T) {
	t.Parallel()
	source := &counting{err: errors.New("reset")}
	store := newStore(source, newClock())
	desc := ocispec.Descriptor{Digest: digest.FromBytes(body), Size: int64(len(body))}
	if _, _, err := store.Manifest(t.Context(), parse(t, "registry.example/a"), desc); err == nil {
		t.Fatal("no error")
	}
	source.err = nil
	if _, _, err := store.Manifest(t.Context(), parse(t, "registry.example/a"), desc); err != nil {
		t.Errorf("a failure was kept as content: %v", err)
	}
	if store.ContentBytes() == 0 {
		t.Error("nothing was kept after success")
	}
}

func TestStoreTellsItsSize(t *testing.T) {
	t.Parallel()
	var total int64
	store := evidence.NewStore(&counting{}, evidence.Options{ContentBytes: 600, Resized: func(delta int64) { total += delta }})
	for _, image := range []string{"registry.example/a", "registry.example/b", "registry.example/c", "registry.example/a"} {
		desc := ocispec.Descriptor{Digest: digest.FromBytes(body), Size: int64(len(body))}
		if _, err := store.Blob(t.Context(), parse(t, image), desc); err != nil {
			t.Fatal(err)
		}
		if total != store.ContentBytes() || total > 600 || total == 0 {
			t.Errorf("told %d bytes, takes %d", total, store.ContentBytes())
		}
	}
	store.Close()
	if total != 0 || store.ContentBytes() != 0 {
		t.Errorf("told %d bytes, takes %d, after closing", total, store.ContentBytes())
	}
}
