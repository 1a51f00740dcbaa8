// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"crypto"
	"encoding/asn1"
	"math/big"
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
		sigstore.KeyOptions{Kind: signtest.RSA2048, Halves: true},
		sigstore.KeyOptions{Kind: signtest.RSA3072, Hash: crypto.SHA384, Halves: true},
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

// An RSA signature in two halves is one of the key, or none: whatever the halves are.
func TestVerify_halves(t *testing.T) {
	t.Parallel()
	signer, err := sigstore.NewKey(sigstore.KeyOptions{Kind: signtest.RSA2048, Halves: true})
	must(t, err)
	for name, change := range map[string]func(r, s *big.Int) any{
		"swapped":    func(r, s *big.Int) any { return []*big.Int{s, r} },
		"negative":   func(r, s *big.Int) any { return []*big.Int{r, new(big.Int).Neg(s)} },
		"too long":   func(_, s *big.Int) any { return []*big.Int{new(big.Int).Lsh(big.NewInt(1), 2048), s} },
		"one":        func(r, _ *big.Int) any { return []*big.Int{r} },
		"three":      func(r, s *big.Int) any { return []*big.Int{r, s, s} },
		"text":       func(*big.Int, *big.Int) any { return "text" },
		"zero":       func(*big.Int, *big.Int) any { return []*big.Int{new(big.Int), new(big.Int)} },
		"next to it": func(r, s *big.Int) any { return []*big.Int{r, new(big.Int).Add(s, big.NewInt(1))} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, signer)
			s.trust = map[string]any{"keys": []any{signer.PEM()}}
			if got := s.verify(); !got.Verified {
				t.Fatalf("unchanged: %s", messages(got))
			}
			s.tamper = func(sig *sigstore.Signature) {
				var pair struct{ R, S *big.Int }
				_, err := asn1.Unmarshal(sig.Sig, &pair)
				must(t, err)
				sig.Sig, err = asn1.Marshal(change(pair.R, pair.S))
				must(t, err)
			}
			if got := s.verify(); got.Verified || len(got.Errors) == 0 {
				t.Errorf("verified: %+v", got)
			}
		})
	}
}
