// SPDX-License-Identifier: Apache-2.0

// Package trust decodes, validates and compiles the trust document, the operand
// that says which signers count (DESIGN.md, section 3).
//
// [Parse] takes the document as JSON, as a policy computed it; [FromNotation]
// takes the configuration directory of the notation command line. Both either
// return a complete [Document] or every problem they found, each an [Error] with
// the path inside the document and what to write instead: half a trust document
// would be another trust document.
//
// A compiled document is immutable. It is parsed once and kept under the hash of
// its text; [Document.Stale] tells when a file it read has changed since.
//
// Spec: Notary Project, trust store and trust policy specification v1.0; Sigstore
// client specification and trusted root (protobuf-specs v0.5).
package trust
