// SPDX-License-Identifier: Apache-2.0

// Package verify is step 5 of the flow: [Engine.Verify] takes an image and a
// trust document through parse, resolve, list, fetch and verify to a report.
//
// The package knows the order of the steps and what a failure at each step
// means. It knows no signature format: those are the packages below it, which
// get bytes and return findings, and never dial.
package verify

import (
	"context"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// Evidence is one signature manifest with its blobs, and what it must vouch for.
type Evidence struct {
	// Subject has the digest the signature must be for. Required.
	Subject reference.Reference
	// Descriptor is the signature manifest as it is listed among the referrers.
	Descriptor ocispec.Descriptor
	// Manifest is the signature manifest, parsed after its digest was checked.
	Manifest ocispec.Manifest
	// Blobs are digest-checked, in the order in which Envelopes asked for them.
	Blobs [][]byte
	// Annotations are demanded of the signature by the request.
	Annotations map[string]string
}

// Verifier checks one signature format: bytes in, findings out. It may be
// called concurrently.
type Verifier interface {
	// Format names the format in reports.
	Format() string
	// ArtifactTypes lists the artifact types of the referrers it understands.
	ArtifactTypes() []string
	// Accepts reports whether doc trusts this format at all. What counts is
	// fixed by the trust document, never by what the registry offers.
	Accepts(doc *trust.Document) bool
	// Applies returns nil if doc has something to say about ref, and otherwise
	// why no signature on it can count. It is asked before any network.
	Applies(ref reference.Reference, doc *trust.Document) *report.Error
	// Envelopes names the blobs of a signature manifest that Verify needs.
	Envelopes(m ocispec.Manifest) ([]ocispec.Descriptor, *report.Error)
	// Verify judges one signature. A bad signature is a finding.
	Verify(ctx context.Context, e Evidence, doc *trust.Document) report.Signature
}
