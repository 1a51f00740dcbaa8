// SPDX-License-Identifier: Apache-2.0

package signtest_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/signer"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// The PEM files are those that notation signs with.
func TestNotationSignsWithTheFiles(t *testing.T) {
	t.Parallel()
	for _, kind := range []signtest.KeyKind{signtest.ECP256, signtest.RSA2048} {
		ca := newCA(t, signtest.CAOptions{Intermediates: 1})
		leaf := newLeaf(t, ca, signtest.LeafOptions{Key: kind})
		key, err := leaf.KeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		fromFiles, err := signer.NewGenericSignerFromFiles(write(t, "key.pem", key), write(t, "chain.pem", leaf.PEM()))
		if err != nil {
			t.Fatal(err)
		}
		raw, _, err := fromFiles.Sign(t.Context(), subject("app"), notation.SignerSignOptions{SignatureMediaType: string(signtest.JWS)})
		if err != nil {
			t.Fatal(err)
		}
		env := signtest.Envelope{MediaType: string(signtest.JWS), Bytes: raw}
		if failed, _, err := (trust{ca: parse(t, ca.PEM())}).verify(t, subject("app"), env); err != nil {
			t.Errorf("%s: %s failed: %v", kind, failed, err)
		}
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	ca := newCA(t, signtest.CAOptions{CommonName: "root", Organization: "Org", Intermediates: 2})
	leaf := newLeaf(t, ca, signtest.LeafOptions{Subject: pkix.Name{CommonName: "leaf"}})
	var got []string
	for _, cert := range leaf.Chain {
		got = append(got, cert.Subject.String())
	}
	want := []string{
		"CN=leaf",
		"CN=root intermediate 2,O=Org,ST=WA,C=US",
		"CN=root intermediate 1,O=Org,ST=WA,C=US",
		"CN=root,O=Org,ST=WA,C=US",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chain (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(leaf.Chain[1:], ca.Chain()); diff != "" {
		t.Errorf("chain of the CA (-want +got):\n%s", diff)
	}
}

func TestUnknownKeyKind(t *testing.T) {
	t.Parallel()
	if _, err := signtest.NewCA(signtest.CAOptions{Key: "EC-1"}); err == nil {
		t.Error("a key of unknown kind was made")
	}
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func parse(t *testing.T, content []byte) []*x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(content)
	if block == nil || len(rest) > 0 {
		t.Fatalf("want one PEM block, got %q", content)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return []*x509.Certificate{cert}
}
