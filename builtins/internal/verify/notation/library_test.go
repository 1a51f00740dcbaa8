// SPDX-License-Identifier: Apache-2.0

package notation_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"slices"
	"testing"

	notationgo "github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"

	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// checkLibrary asks notation-go alone, without anything of ours between it and the
// trust policy. Ours may be stricter where a test says so, and never laxer.
func (s *scene) checkLibrary(e verify.Evidence, verified, stricter bool) {
	s.t.Helper()
	theirs, err := s.library(e)
	if theirs != (verified || stricter) {
		s.t.Errorf("verified = %t, notation-go alone: %t (%v)", verified, theirs, err)
	}
}

func (s *scene) library(e verify.Evidence) (bool, error) {
	s.t.Helper()
	if len(e.Blobs) != 1 {
		return false, errors.New("no envelope")
	}
	var doc trustpolicy.Document
	raw, err := json.Marshal(s.trustPolicy())
	if err == nil {
		err = json.Unmarshal(raw, &doc)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	v, err := verifier.New(&doc, certificates(s.storesOf()), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	// The library is told the truth about the subject; that the manifest lies is
	// for us to see.
	_, err = v.Verify(s.t.Context(), *e.Manifest.Subject, e.Blobs[0], notationgo.VerifierVerifyOptions{
		ArtifactReference: e.Subject.String(), SignatureMediaType: e.Manifest.Layers[0].MediaType, UserMetadata: e.Annotations,
	})
	return err == nil, err
}

// certificates is a trust store of PEM texts by store name.
type certificates map[string][]any

// GetCertificates implements truststore.X509TrustStore.
func (c certificates) GetCertificates(_ context.Context, kind truststore.Type, name string) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for _, material := range c[string(kind)+":"+name] {
		text, _ := material.(string)
		rest := []byte(text)
		for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
			parsed, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, err
			}
			found = append(found, parsed)
		}
	}
	return found, nil
}

func (s *scene) storesOf() map[string][]any {
	if s.policy.stores == nil {
		return map[string][]any{"ca:acme": {string(s.ca.PEM())}}
	}
	return s.policy.stores
}

func (s *scene) trustPolicy() map[string]any {
	return map[string]any{"version": "1.0", "trustPolicies": []any{map[string]any{
		"name": "release", "registryScopes": s.policy.scopes, "signatureVerification": s.policy.verification,
		"trustStores": slices.Sorted(maps.Keys(s.storesOf())), "trustedIdentities": s.policy.identities,
	}}}
}

// BenchmarkVerify is one signature whose trust document is known, as it costs
// when the outcome is not remembered.
func BenchmarkVerify(b *testing.B) {
	for _, key := range []signtest.KeyKind{signtest.ECP256, signtest.RSA3072} {
		for _, format := range signtest.Formats() {
			b.Run(string(key)+" "+string(format), func(b *testing.B) {
				s := newScene(b, format)
				s.leaf.Key = key
				e, doc := s.of(s.signed()), s.document()
				b.ReportAllocs()
				for b.Loop() {
					if got := s.verifier.Verify(b.Context(), e, doc)[0]; !got.Verified {
						b.Fatal(messages(got))
					}
				}
			})
		}
	}
}
