// SPDX-License-Identifier: Apache-2.0

// Package publicgood knows the trusted root of Sigstore's public instance:
// the certificate authorities, logs and timestamp authorities behind
// fulcio.sigstore.dev and rekor.sigstore.dev.
//
// A copy is part of the binary, so that a process without a network, or before
// its first refresh, verifies as well. Whoever verifies reads memory and never
// waits for a network.
package publicgood

import (
	_ "embed" // the copy
	"slices"
)

// embedded is the target trusted_root.json of https://tuf-repo-cdn.sigstore.dev
// as github.com/sigstore/sigstore v1.10.8 carries it (pkg/tuf/repository).
//
//go:embed trusted_root.json
var embedded []byte

// Embedded returns the copy of the trusted root in this binary, as JSON.
func Embedded() []byte { return slices.Clone(embedded) }
