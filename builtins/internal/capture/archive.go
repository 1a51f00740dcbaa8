// SPDX-License-Identifier: Apache-2.0

package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/revocation"
)

const (
	// archiveName is the file beside the layout's own.
	archiveName = "evidence.json"
	// archiveVersion is the one form of it that is read.
	archiveVersion = 1
	// maxArchive bounds evidence.json, in bytes: a thousand images have some MiB.
	maxArchive = 256 << 20
	// maxContent bounds one content, in bytes.
	maxContent = 64 << 20
)

// archive is what a layout cannot say: who answered what, and when.
type archive struct {
	Version    int                 `json:"version"`
	CapturedAt time.Time           `json:"captured_at"`
	Tags       []tagRecord         `json:"tags"`
	Referrers  []listRecord        `json:"referrers"`
	Contents   []contentRecord     `json:"contents"`
	Revocation []revocation.Record `json:"revocation"`
}

// tagRecord is what a reference names.
type tagRecord struct {
	Reference  string              `json:"reference"`
	Descriptor *ocispec.Descriptor `json:"descriptor,omitempty"`
	Error      *failure            `json:"error,omitempty"`
}

// listRecord is which referrers a subject has, of one artifact type or ("") all.
type listRecord struct {
	Subject      string               `json:"subject"`
	ArtifactType string               `json:"artifact_type,omitempty"`
	Descriptors  []ocispec.Descriptor `json:"descriptors"`
	Error        *failure             `json:"error,omitempty"`
}

// contentRecord is a content that can be read in a repository.
type contentRecord struct {
	Repository string              `json:"repository"`
	Kind       string              `json:"kind"`       // "manifest" or "blob"
	Digest     digest.Digest       `json:"digest"`     // asked for
	Descriptor *ocispec.Descriptor `json:"descriptor"` // nil with an error
	Error      *failure            `json:"error,omitempty"`
}

// failure is an error as it is said again.
type failure struct {
	Code      report.Code `json:"code"`
	Message   string      `json:"message"`
	Retryable bool        `json:"retryable"`
}

func failed(err error) *failure {
	if err == nil {
		return nil
	}
	code, retryable := registry.Classify(err)
	return &failure{Code: code, Message: err.Error(), Retryable: retryable}
}

// err is the failure as an error that [registry.Classify] understands.
func (f *failure) err() error {
	if f == nil {
		return nil
	}
	return &registry.Error{Code: f.Code, Retryable: f.Retryable, Err: errors.New(f.Message)}
}

func blobPath(d digest.Digest) string {
	return path.Join("blobs", d.Algorithm().String(), d.Encoded())
}

// writeFile replaces a file as a whole.
func writeFile(root *os.Root, name string, content []byte) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	temporary := name + ".tmp"
	if err := root.WriteFile(temporary, content, 0o644); err != nil {
		return err
	}
	return root.Rename(temporary, name)
}

func writeJSON(root *os.Root, name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(root, name, append(raw, '\n'))
}

// write writes the archive and the two files of an image layout. The index names
// every manifest, by the reference under which it was asked for where there is one.
func (a *archive) write(root *os.Root) error {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{}}
	names := map[digest.Digest]string{}
	for _, t := range a.Tags {
		if t.Descriptor != nil {
			names[t.Descriptor.Digest] = t.Reference
		}
	}
	for _, c := range a.Contents {
		if c.Kind != kindManifest || c.Descriptor == nil {
			continue
		}
		d := *c.Descriptor
		if name := names[d.Digest]; name != "" {
			d.Annotations = map[string]string{ocispec.AnnotationRefName: name}
		}
		index.Manifests = append(index.Manifests, d)
	}
	return errors.Join(
		writeJSON(root, ocispec.ImageLayoutFile, ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}),
		writeJSON(root, ocispec.ImageIndexFile, index),
		writeJSON(root, archiveName, a),
	)
}

// readArchive reads evidence.json.
func readArchive(root *os.Root) (*archive, error) {
	raw, err := readFile(root, archiveName, maxArchive)
	if err != nil {
		return nil, err
	}
	return parseArchive(raw)
}

func parseArchive(raw []byte) (*archive, error) {
	var a archive
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("%s: %w", archiveName, err)
	}
	if a.Version != archiveVersion || a.CapturedAt.IsZero() {
		return nil, fmt.Errorf("%s: version %d at %v; expected version %d and the time of the capture", archiveName, a.Version, a.CapturedAt, archiveVersion)
	}
	return &a, nil
}

// readFile reads at most limit bytes of a regular file.
func readFile(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", name, limit)
	}
	return raw, err
}
