// SPDX-License-Identifier: Apache-2.0

package disk_test

import (
	"context"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/disk"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// blobs is a registry that counts how often it is asked for its one blob.
type blobs struct {
	evidence.Source

	content string
	asked   int
}

func (b *blobs) Blob(context.Context, reference.Reference, ocispec.Descriptor) ([]byte, error) {
	b.asked++
	return []byte(b.content), nil
}

func TestStoreStaysWarmAcrossARestart(t *testing.T) {
	t.Parallel()
	o, source := disk.Options{Dir: t.TempDir()}, &blobs{content: "an envelope"}
	for life := range 3 {
		directory := open(t, o)
		store := evidence.NewStore(source, evidence.Options{Tiers: []evidence.Tier{directory}})
		for _, image := range []string{"registry.example/app", "registry.example/other"} {
			ref, err := reference.Parse(image)
			if err != nil {
				t.Fatal(err)
			}
			got, err := store.Blob(t.Context(), ref, ocispec.Descriptor{Digest: digest.FromString(source.content), Size: int64(len(source.content))})
			if err != nil || string(got) != source.content {
				t.Errorf("life %d: %q, %v", life, got, err)
			}
		}
		closeDirectory(t, directory)
	}
	if source.asked != 2 { // once for each repository, in the first life
		t.Errorf("the registry was asked %d times", source.asked)
	}
}
