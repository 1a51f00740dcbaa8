// SPDX-License-Identifier: Apache-2.0

// Package sbom lists what is in the image, as the Go toolchain wrote it into the
// binaries: nothing is guessed from sources.
//
// Spec: CycloneDX v1.6, JSON.
package sbom

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"
	"github.com/package-url/packageurl-go"

	"github.com/opa-ratify/opa-ratify/cmd/image/rootfs"
)

// MediaType is of a document, and the artifact type of the referrer that has it.
const MediaType = "application/vnd.cyclonedx+json"

// Image is what a document is about.
type Image struct {
	// Digest is of the image's manifest, or of the index. Required.
	Digest digest.Digest
	// Architecture is the image's, "arm64". Empty: an index.
	Architecture string
	// Version is ours, "v1.2.3".
	Version string
	// Created is when the commit was made: a document is as reproducible as its image.
	Created time.Time
}

// Document lists what the programs are made of, once each, with the certificate
// authorities that are beside them. JSON; the same input makes the same bytes.
func Document(image Image, programs ...Program) ([]byte, error) {
	components := map[string]cyclonedx.Component{}
	dependencies := []cyclonedx.Dependency{}
	var included []string
	for _, p := range programs {
		application := p.component()
		modules := p.modules()
		for _, c := range append(modules, application) {
			components[c.BOMRef] = c
		}
		included = append(included, application.BOMRef)
		dependencies = append(dependencies, dependency(application.BOMRef, refs(modules)))
	}
	authorities := authorities()
	components[authorities.BOMRef] = authorities
	whole := image.component()
	dependencies = append(dependencies, dependency(whole.BOMRef, append(included, authorities.BOMRef)))

	b := cyclonedx.NewBOM()
	b.SerialNumber = uuid.NewSHA1(uuid.NameSpaceURL, []byte(whole.PackageURL)).URN()
	b.Metadata = &cyclonedx.Metadata{Timestamp: image.Created.UTC().Format(time.RFC3339), Component: &whole}
	b.Components = new(slices.SortedFunc(maps.Values(components), func(a, b cyclonedx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) }))
	b.Dependencies = &dependencies
	return encode(b)
}

func (i Image) component() cyclonedx.Component {
	var qualifiers packageurl.Qualifiers
	if i.Architecture != "" {
		qualifiers = packageurl.QualifiersFromMap(map[string]string{"arch": i.Architecture})
	}
	purl := packageurl.NewPackageURL(packageurl.TypeOCI, "", "opa-ratify", i.Digest.String(), qualifiers, "").ToString()
	return cyclonedx.Component{
		BOMRef: purl, PackageURL: purl, Type: cyclonedx.ComponentTypeContainer,
		Name: "opa-ratify", Version: i.Version, Licenses: ours(),
	}
}

// authorities is the file of certificates that is in every image.
func authorities() cyclonedx.Component {
	sum := digest.FromBytes(rootfs.Authorities()).Encoded()
	return cyclonedx.Component{
		BOMRef: rootfs.AuthoritiesFile, Type: cyclonedx.ComponentTypeFile, Name: rootfs.AuthoritiesFile,
		Description: "certificate authorities, from golang.org/x/crypto/x509roots/fallback",
		Hashes:      &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: sum}},
	}
}

func dependency(of string, on []string) cyclonedx.Dependency {
	slices.Sort(on)
	return cyclonedx.Dependency{Ref: of, Dependencies: &on}
}

func refs(components []cyclonedx.Component) []string {
	var out []string
	for _, c := range components {
		out = append(out, c.BOMRef)
	}
	return out
}

func ours() *cyclonedx.Licenses {
	return &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}}
}

func encode(b *cyclonedx.BOM) ([]byte, error) {
	var out bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).EncodeVersion(b, cyclonedx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("encode bill of materials: %w", err)
	}
	return out.Bytes(), nil
}
