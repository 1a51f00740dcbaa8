// SPDX-License-Identifier: Apache-2.0

// Package signtest makes signatures, and everything around them, on the fly: certificate
// authorities, signing certificates, Notary Project envelopes (JWS and COSE), signature
// manifests, timestamps and revocation answers. All of it is real cryptography by the
// libraries that sign in production; nothing is committed and nothing is shared between
// tests.
//
//	ca, err := signtest.NewCA(signtest.CAOptions{})
//	signer, err := ca.Leaf(signtest.LeafOptions{})
//	manifest, err := signer.SignAndAttach(ctx, reg, "app", image, signtest.SignOptions{})
//
// The zero value of every options struct gives a signature that is accepted by whoever
// trusts the CA. Every field makes one thing different, so that a test can have a
// signature that fails exactly one check. What no signer would make, the tampering
// functions do: [FlipPayload], [FlipSignature], [Truncate], [WithoutTimestamp].
//
// The clock of verifiers is the real one, so "expired" is made from the past: a
// SigningTime and an Expiry, or the window of a certificate, that are over.
//
// Spec: Notary Project signature specification v1.1.0.
package signtest
