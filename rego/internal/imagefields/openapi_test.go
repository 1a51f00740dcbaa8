// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A kind whose images are named, spoken of, in lists, in maps, below a reference, and
// one that refers to itself.
const openapi = `{"definitions": {
  "box": {
    "x-kubernetes-group-version-kind": [{"group": "acme.example", "version": "v1", "kind": "Box"}],
    "properties": {
      "mainImage": {"type": "string"},
      "what": {"type": "string", "description": "A container image."},
      "many": {"type": "array", "description": "OCI artifacts", "items": {"type": "string"}},
      "byName": {"type": "object", "additionalProperties": {"$ref": "#/definitions/part"}},
      "inner": {"$ref": "#/definitions/box"},
      "any": {"$ref": "#/definitions/io.k8s.apimachinery.pkg.runtime.RawExtension"},
      "name": {"type": "string"},
      "imageCount": {"type": "integer"}
    }
  },
  "part": {"type": "object", "properties": {"image": {"type": "string"}, "size": {"type": "string"}}},
  "pod": {
    "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Pod"}],
    "properties": {"image": {"$ref": "#/definitions/ref"}}
  },
  "ref": {"properties": {"reference": {"type": "string"}}},
  "io.k8s.apimachinery.pkg.runtime.RawExtension": {"type": "object"}
}}`

func TestFields(t *testing.T) {
	t.Parallel()
	var doc document
	if err := json.Unmarshal([]byte(openapi), &doc); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"acme.example/v1 Box any{}",
		"acme.example/v1 Box byName.*.image",
		"acme.example/v1 Box mainImage",
		"acme.example/v1 Box many[*]",
		"acme.example/v1 Box what",
		"v1 Pod image.reference",
	}
	if diff := cmp.Diff(want, doc.fields()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}
