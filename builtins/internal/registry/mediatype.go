// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Docker's media types, which OCI's were made after.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// manifestTypes is what Accept lists, the preferred first.
var manifestTypes = []string{ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, dockerManifest, dockerList}

func isManifestType(mediaType string) bool { return slices.Contains(manifestTypes, mediaType) }

func isIndexType(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == dockerList
}

// contentType returns the media type of an answer, without parameters; "" if it
// has none that can be read.
func contentType(header http.Header) string {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return mediaType
}

// shape is what a manifest is.
type shape struct {
	mediaType    string
	artifactType string // artifactType, or the config's media type; "" of an index without one
}

// Describe returns desc with the media type, size and artifact type that body, a
// manifest or index, really has. The digest is not looked at: the caller has
// checked body against it. An empty MediaType and a Size of 0 mean unknown.
//
// A body that is not a manifest, contradicts itself, or is of another media type
// or size than desc says is the [*Error] it would be coming from a registry.
func Describe(desc ocispec.Descriptor, body []byte) (ocispec.Descriptor, error) {
	err := checkSize(desc, body)
	if err == nil {
		var s shape
		if s, err = inspect(body, "", desc.MediaType); err == nil {
			desc.MediaType, desc.Size, desc.ArtifactType = s.mediaType, int64(len(body)), s.artifactType
			return desc, nil
		}
	}
	e := &Error{Err: fmt.Errorf("describe %s: %w", desc.Digest, err)}
	e.Code, e.Retryable = classify(err)
	return ocispec.Descriptor{}, e
}

func checkSize(desc ocispec.Descriptor, body []byte) error {
	if desc.Size != 0 && desc.Size != int64(len(body)) {
		return mismatch("the manifest has %d bytes, the descriptor says %d", len(body), desc.Size)
	}
	return nil
}

// inspect decides what body is. Three voices say so: the Content-Type, the field
// mediaType, and which other fields there are; want is a fourth, of a descriptor.
// They must not contradict each other, else two readers of the same bytes see two
// images (CVE-2021-41190).
func inspect(body []byte, contentType, want string) (shape, error) {
	fields, err := topLevel(body)
	if err != nil {
		return shape{}, err
	}
	isIndex, err := structure(fields)
	if err != nil {
		return shape{}, err
	}
	var m struct {
		MediaType    string             `json:"mediaType"`
		ArtifactType string             `json:"artifactType"`
		Config       ocispec.Descriptor `json:"config"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return shape{}, invalid("the manifest is not of the form the OCI image specification gives it")
	}
	mediaType, err := agree(want, m.MediaType, contentType, isIndex)
	if err != nil {
		return shape{}, err
	}
	if m.ArtifactType == "" && !isIndex {
		m.ArtifactType = m.Config.MediaType
	}
	return shape{mediaType: mediaType, artifactType: m.ArtifactType}, nil
}

// agree returns the one media type that all voices name that name any.
func agree(want, field, contentType string, isIndex bool) (string, error) {
	if !isManifestType(contentType) {
		contentType = "" // application/json and the like say nothing
	}
	said := ""
	for _, voice := range []string{want, field, contentType} {
		switch {
		case voice == "":
		case !isManifestType(voice):
			return "", invalid("the manifest's media type %q is not one of an image manifest or index", shorten(voice))
		case said == "":
			said = voice
		case said != voice:
			return "", invalid("the manifest is called %s and %s", said, voice)
		}
	}
	if said == "" {
		said = ocispec.MediaTypeImageManifest
		if isIndex {
			said = ocispec.MediaTypeImageIndex
		}
	}
	if isIndexType(said) != isIndex {
		return "", invalid("the manifest is called %s and does not have its structure", said)
	}
	return said, nil
}

// structure tells an index from a manifest by its fields.
func structure(fields map[string]bool) (isIndex bool, err error) {
	image := fields["config"] || fields["layers"]
	switch {
	case fields["manifests"] && (image || fields["fslayers"] || fields["blobs"]):
		return false, invalid("the manifest is an index and an image at once")
	case fields["fslayers"]:
		return false, invalid("the manifest is of Docker's schema 1, which has no digest to verify")
	case !fields["manifests"] && !image:
		return false, invalid("the manifest is neither an index nor an image manifest")
	}
	return fields["manifests"], nil
}

// maxDepth of a manifest's JSON: descriptors with platforms and annotations need
// six levels.
const maxDepth = 32

// topLevel returns the names of body's fields in lower case, and refuses fields
// that are there twice, which readers may choose between.
func topLevel(body []byte) (map[string]bool, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, invalid("the manifest is not a JSON object")
	}
	fields := map[string]bool{}
	for decoder.More() {
		key, err := decoder.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, invalid("the manifest is not JSON")
		}
		name = strings.ToLower(strings.ToUpper(name)) // as encoding/json folds: "ſ" is "s"
		if fields[name] {
			return nil, invalid("the manifest has the field %q twice", shorten(name))
		}
		fields[name] = true
		if err := skipValue(decoder); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// skipValue reads over one value.
func skipValue(decoder *json.Decoder) error {
	for depth := 0; ; {
		token, err := decoder.Token()
		if err != nil {
			return invalid("the manifest is not JSON")
		}
		if delim, ok := token.(json.Delim); ok {
			if delim == '{' || delim == '[' {
				depth++
			} else {
				depth--
			}
		}
		if depth > maxDepth {
			return invalid("the manifest's JSON is nested more than %d deep", maxDepth)
		}
		if depth == 0 {
			return nil
		}
	}
}
