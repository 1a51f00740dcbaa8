// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"crypto"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

const keyChecks = "integrity:p transparency:s signed_timestamp:s key:p subject:p annotations:p"

// Every layout by every kind of key, as cosign v2 and v3 sign with them.
func TestVerify_keys(t *testing.T) {
	t.Parallel()
	var options []sigstore.KeyOptions
	for _, kind := range []signtest.KeyKind{signtest.ECP256, signtest.ECP384, signtest.ECP521, signtest.RSA2048, sigstore.Ed25519} {
		options = append(options, sigstore.KeyOptions{Kind: kind})
	}
	options = append(options,
		sigstore.KeyOptions{Kind: signtest.ECP384, Hash: crypto.SHA256},
		sigstore.KeyOptions{Kind: signtest.RSA2048, PSS: true},
		sigstore.KeyOptions{Kind: sigstore.Ed25519, Prehash: true},
	)
	for _, o := range options {
		for _, layout := range sigstore.Layouts() {
			t.Run(string(layout)+" "+string(o.Kind), func(t *testing.T) {
				t.Parallel()
				s := byKey(t, o)
				s.sign.Layout = layout
				got := s.verify()
				if diff := cmp.Diff(verdict{true, "", keyChecks}, verdictOf(got)); diff != "" {
					t.Errorf("-want +got:\n%s\n%s", diff, messages(got))
				}
				if got.Signer.Kind != "key" || got.Signer.Key != "release" || got.Trust.Key != "release" {
					t.Errorf("signer %+v, trust %+v", got.Signer, got.Trust)
				}
			})
		}
	}
}
