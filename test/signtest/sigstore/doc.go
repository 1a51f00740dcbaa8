// SPDX-License-Identifier: Apache-2.0

// Package sigstore makes the signatures of Cosign and Sigstore on the fly: keys, a
// Sigstore of its own ([Instance]: certificate authority, certificate transparency log,
// transparency logs, timestamping authority), signatures and attestations in every
// layout that was ever pushed. Nothing leaves the process, nothing is committed, and
// nothing is shared between tests.
//
//	key, err := sigstore.NewKey(sigstore.KeyOptions{})
//	manifest, err := key.SignAndAttach(ctx, reg, "app", image, sigstore.SignOptions{})
//
//	instance, err := sigstore.NewInstance(sigstore.InstanceOptions{})
//	ci, err := instance.Certify(sigstore.GitHub("acme/app", "release.yml", "refs/heads/main"))
//	manifest, err := ci.SignAndAttach(ctx, reg, "app", image, sigstore.SignOptions{})
//
// The zero value of every options struct gives a signature that is accepted by whoever
// trusts the key or the instance; it is a Sigstore bundle v0.3, as cosign v3 pushes it
// by default. Every field makes one thing different, so that a test can have a signature
// that fails exactly one check. What no signer would make, the edits of a [Signature] do.
//
// The command lines of cosign sign by themselves, with [Instance.Handler] in place of the
// public services and [Instance.Token] in place of a login.
//
// Specs: cosign specs/SIGNATURE_SPEC.md, specs/BUNDLE_SPEC.md; Sigstore bundle v0.3;
// in-toto attestation v1; DSSE v1.0; RFC 3161; RFC 6962.
package sigstore
