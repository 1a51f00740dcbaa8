// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// document is what counts here of an OpenAPI document.
//
// Spec: OpenAPI 2.0, "Definitions Object"; Kubernetes' extensions of it.
type document struct {
	Definitions map[string]schema `json:"definitions"`
}

type schema struct {
	Description          string            `json:"description"`
	Type                 string            `json:"type"`
	Ref                  string            `json:"$ref"`
	Properties           map[string]schema `json:"properties"`
	Items                *schema           `json:"items"`
	AdditionalProperties *schema           `json:"additionalProperties"`
	Kinds                []kind            `json:"x-kubernetes-group-version-kind"`
}

type kind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

// fields lists "apiVersion kind field", sorted, for every kind of object. A field that
// holds any object ends in {}.
func (d *document) fields() []string {
	found := map[string]bool{}
	for name, s := range d.Definitions {
		if len(s.Kinds) != 1 { // options such as DeleteOptions belong to every group
			continue
		}
		w := walker{document: d, visit: func(field string) {
			found[fmt.Sprintf("%s %s %s", s.Kinds[0].apiVersion(), s.Kinds[0].Kind, field)] = true
		}}
		w.walk(d.Definitions[name], nil, false, []string{name})
	}
	lines := make([]string, 0, len(found))
	for line := range found {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func (k kind) apiVersion() string {
	return strings.TrimPrefix(k.Group+"/"+k.Version, "/")
}

// rawExtension holds any object of any kind.
const rawExtension = "io.k8s.apimachinery.pkg.runtime.RawExtension"

type walker struct {
	document *document
	visit    func(field string)
}

// walk visits the leaves below s. path are the steps so far, image says whether one of
// them speaks of images, within are the definitions on the way, against recursion.
func (w *walker) walk(s schema, path []string, image bool, within []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/definitions/"); ok {
		if slices.Contains(within, name) {
			return
		}
		target := w.document.Definitions[name]
		target.Description = cmp.Or(s.Description, target.Description)
		w.walk(target, path, image, append(slices.Clone(within), name))
		return
	}
	switch {
	case s.Items != nil:
		w.walk(inherit(*s.Items, s), extended(path, "[*]"), image, within)
	case s.AdditionalProperties != nil:
		w.walk(inherit(*s.AdditionalProperties, s), extended(path, ".*"), image, within)
	case len(s.Properties) > 0:
		for name, p := range s.Properties {
			w.walk(p, extended(path, "."+name), image || mayHoldImage(name, p), within)
		}
	case within[len(within)-1] == rawExtension:
		w.visit(text(path) + "{}")
	case s.Type == "string" && image:
		w.visit(text(path))
	}
}

// mayHoldImage tells fields by their name, and by what is said about them.
func mayHoldImage(name string, s schema) bool {
	return strings.Contains(strings.ToLower(name), "image") || spoken().MatchString(s.Description)
}

func spoken() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(container|docker|oci) (image|object|artifact)|\b(image|artifact) (name|reference)`)
}

// inherit gives elements the description of their list.
func inherit(element, of schema) schema {
	element.Description = cmp.Or(element.Description, of.Description)
	return element
}

func extended(path []string, step string) []string { return append(slices.Clone(path), step) }

func text(path []string) string { return strings.TrimPrefix(strings.Join(path, ""), ".") }
