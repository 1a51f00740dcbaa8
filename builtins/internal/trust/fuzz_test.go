// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"errors"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// FuzzParse: no text ends the process; a document comes exactly without an error;
// every problem is an [trust.Error]; what is accepted hashes the same again.
func FuzzParse(f *testing.F) {
	ca := newCA(f)
	f.Add(text(f, withStatement(f, nil)))
	f.Add(text(f, withStatement(f, tree{"trustedIdentities": []any{"x509.subject: C=US, ST=WA, O=Acme, CN=\\,"}})))
	f.Add(text(f, withMaterial([]any{string(ca.PEM()), tree{"provider": "vault", "name": "ca"}})))
	f.Add(ca.TrustJSON("x509.subject: C=US, ST=WA, O=Acme"))
	f.Add([]byte(`{"notation": {"trust_policy": null, "trust_stores": {"": [[]]}}}`))
	f.Add(text(f, cosignOf(tree{"keys": []any{newKey(f).PEM()}, "annotations": tree{"a": "b"}})))
	f.Add(text(f, cosignOf(tree{"identities": []any{someone(), tree{"issuer_regexp": "a", "repository": "https://github.com/a/b", "ref": "refs/tags/*"}}, "trusted_root": rootOf(f, sigstore.TrustedRootOptions{})})))
	f.Add([]byte(`{"cosign": {"identities": [{}], "trusted_root": "public-good", "transparency_log": "ignored"}}`))
	noFiles := trust.Options{ReadFile: func(string) ([]byte, error) { return nil, errors.New("no files") }}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := trust.Parse(raw, noFiles)
		if (d == nil) != (err != nil) {
			t.Fatalf("document %v with error %v", d, err)
		}
		if err != nil {
			if len(errorsOf(err)) == 0 {
				t.Errorf("error is no trust.Error: %v", err)
			}
			return
		}
		again, err := trust.Parse(raw, noFiles)
		if err != nil || again.Hash() != d.Hash() {
			t.Errorf("parsed again: %v", err)
		}
	})
}
