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
	ca                *signtest.CA
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
	return &signers{ca, release, stranger}, err
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
