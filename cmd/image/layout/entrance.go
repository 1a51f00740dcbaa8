// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// entrance writes what a reader of the layout begins with: oci-layout, and index.json,
// where the index has its tag and the bills of materials are found, to which nothing
// in the index leads.
func entrance(directory, tag string, index ocispec.Descriptor, bills []ocispec.Descriptor) error {
	index.Annotations = maps.Clone(index.Annotations)
	if index.Annotations == nil {
		index.Annotations = map[string]string{}
	}
	index.Annotations[ocispec.AnnotationRefName] = tag
	for name, value := range map[string]any{
		ocispec.ImageLayoutFile: ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion},
		ocispec.ImageIndexFile: ocispec.Index{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
			Manifests: append([]ocispec.Descriptor{index}, bills...),
		},
	} {
		raw, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(directory, name), raw, 0o644); err != nil { //nolint:gosec // an image is no secret
			return err
		}
	}
	return nil
}

// replace puts the finished layout where the old one was.
func replace(directory, finished string) error {
	if err := os.RemoveAll(filepath.Join(finished, "ingest")); err != nil { // empty; written by oras
		return err
	}
	if err := os.Chmod(finished, 0o755); err != nil { //nolint:gosec // an image is no secret
		return err
	}
	if err := os.RemoveAll(directory); err != nil {
		return err
	}
	return os.Rename(finished, directory)
}
