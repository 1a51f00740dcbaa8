// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// signersKey finds a script's signers among its values.
type signersKey struct{}

// signers of a script: `trust` trusts those below ca.
type signers struct {
	ca, other         *signtest.CA
	release, stranger *signtest.Signer
}

func newSigners() (*signers, error) {
	ca, err := signtest.NewCA(signtest.CAOptions{})
	if err != nil {
		return nil, err
	}
	other, err := signtest.NewCA(signtest.CAOptions{CommonName: "stranger"})
	if err != nil {
		return nil, err
	}
	release, err := ca.Leaf(signtest.LeafOptions{})
	if err != nil {
		return nil, err
	}
	stranger, err := other.Leaf(signtest.LeafOptions{})
	return &signers{ca, other, release, stranger}, err
}

func scriptSigners(ts *testscript.TestScript) *signers {
	s, ok := ts.Value(signersKey{}).(*signers)
	if !ok {
		ts.Fatalf("script was not set up")
	}
	return s
}

// signImage is the command `sign [as-stranger] REPOSITORY`: it signs the image
// pushed last.
func signImage(ts *testscript.TestScript, neg bool, args []string) {
	signer := scriptSigners(ts).release
	if len(args) == 2 && args[0] == "as-stranger" {
		signer, args = scriptSigners(ts).stranger, args[1:]
	}
	r := scriptRegistry(ts)
	if neg || len(args) != 1 || strings.ContainsAny(args[0], ":@") || r.Registry == nil {
		ts.Fatalf("usage: sign [as-stranger] REPOSITORY, after registry and push")
	}
	_, err := signer.SignAndAttach(context.Background(), r.Registry, args[0], r.last, signtest.SignOptions{})
	ts.Check(err)
}

// writeTrust is the command `trust FILE`: it writes {"release": trust document}.
func writeTrust(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: trust FILE")
	}
	raw, err := json.MarshalIndent(map[string]any{"release": scriptSigners(ts).ca.TrustDocument()}, "", "  ")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}

// writeCertificate is the command `certificate [of-stranger] FILE`: it writes the
// authority's certificate, PEM.
func writeCertificate(ts *testscript.TestScript, neg bool, args []string) {
	ca := scriptSigners(ts).ca
	if len(args) == 2 && args[0] == "of-stranger" {
		ca, args = scriptSigners(ts).other, args[1:]
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: certificate [of-stranger] FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), ca.PEM(), 0o600))
}
