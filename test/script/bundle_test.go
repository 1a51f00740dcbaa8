// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// shownIn is the command `shown-in FILE`: it fails unless FILE has what the last
// command printed, as a reader sees it there: a registry called registry.example, and
// digests shortened to sha256:….
func shownIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shown-in FILE")
	}
	printed := strings.TrimSpace(ts.ReadFile("stdout"))
	if registry := ts.Getenv("REGISTRY"); registry != "" {
		printed = strings.ReplaceAll(printed, registry, "registry.example")
	}
	printed = regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(printed, "sha256:…")
	if printed == "" || !strings.Contains(ts.ReadFile(args[0]), printed) {
		ts.Fatalf("%s does not show:\n%s", args[0], printed)
	}
}

// signByKey is the command `sign-by-key KEY REPOSITORY`: KEY, a file of make-key, signs
// the image pushed last as cosign does.
func signByKey(ts *testscript.TestScript, neg bool, args []string) {
	r := scriptRegistry(ts)
	if neg || len(args) != 2 || strings.ContainsAny(args[1], ":@") || r.Registry == nil {
		ts.Fatalf("usage: sign-by-key KEY REPOSITORY, after registry and push")
	}
	key, err := privateKey(ts.ReadFile(args[0]))
	ts.Check(err)
	signer, err := sigstore.SignerOf(key, sigstore.KeyOptions{})
	ts.Check(err)
	_, err = signer.SignAndAttach(context.Background(), r.Registry, args[1], r.last, sigstore.SignOptions{})
	ts.Check(err)
}

// attestByKey is the command `attest-by-key KEY TYPE REPOSITORY`: KEY, a file of
// make-key, attests an empty predicate of TYPE about the image pushed last as cosign does.
func attestByKey(ts *testscript.TestScript, neg bool, args []string) {
	r := scriptRegistry(ts)
	if neg || len(args) != 3 || strings.ContainsAny(args[2], ":@") || r.Registry == nil {
		ts.Fatalf("usage: attest-by-key KEY TYPE REPOSITORY, after registry and push")
	}
	key, err := privateKey(ts.ReadFile(args[0]))
	ts.Check(err)
	signer, err := sigstore.SignerOf(key, sigstore.KeyOptions{})
	ts.Check(err)
	o := sigstore.SignOptions{PredicateType: args[1], Predicate: struct{}{}}
	_, err = signer.SignAndAttach(context.Background(), r.Registry, args[2], r.last, o)
	ts.Check(err)
}

func privateKey(text string) (crypto.Signer, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("no PEM in %q", text)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%T does not sign", key)
	}
	return signer, nil
}
