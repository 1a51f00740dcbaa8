// SPDX-License-Identifier: Apache-2.0

// Package registry is steps 2 to 4 of the flow: it resolves a reference, lists
// the referrers of its digest, and fetches manifests and blobs. It is the only
// package that dials a registry.
//
//	reference ──Resolve──▶ descriptor ──Referrers──▶ descriptors ──Manifest, Blob──▶ bytes
//	    each: mirrors in order, then the origin ──▶ host: turn, place, authorisation, request, retry ──▶ checked answer
//
// A registry is not trusted for content. Every byte is hashed against the digest
// it was asked by before it is returned, every answer is read up to a limit, and
// what can be read in two ways is refused. A registry is trusted to say which
// digest a tag has and which referrers exist, as nobody else can; so an error is
// never read as "there are none".
//
// The protocol is spoken here and not by oras-go's remote.Repository, whose
// errors are text where we must tell a lie from a limit from an outage, which
// turns any 404 into a lasting "no Referrers API", and which hides whether a
// filter was applied. Credentials, their stores and the authentication type are
// oras-go's.
//
// Spec: OCI distribution v1.1.1, "Pull" and "Listing Referrers"; OCI image
// v1.1.1.
package registry
