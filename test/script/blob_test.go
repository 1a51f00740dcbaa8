// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"os"

	"github.com/opencontainers/go-digest"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// signBlob is the command `sign-blob FILE`: what `cosign sign-blob --bundle
// FILE.sigstore.json FILE` does in a GitHub workflow of acme/app. It also writes
// the trusted root of the instance that certified it to trusted_root.json;
// $DIGEST is the digest of FILE.
func signBlob(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sign-blob FILE")
	}
	blob := []byte(ts.ReadFile(args[0]))
	instance, err := sigstore.NewInstance(sigstore.InstanceOptions{})
	ts.Check(err)
	signer, err := instance.Certify(sigstore.GitHub("acme/app", "release.yml", "refs/heads/main"))
	ts.Check(err)
	signature, err := signer.SignBlob(blob, sigstore.SignOptions{})
	ts.Check(err)
	bundle, err := signature.Bundle()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".sigstore.json"), bundle, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("trusted_root.json"), instance.TrustedRootJSON(sigstore.TrustedRootOptions{}), 0o600))
	ts.Setenv("DIGEST", digest.FromBytes(blob).String())
}
