// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	rekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/cosign"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// What should not reach a parser or the cryptography behind it.
func TestVerify_bounds(t *testing.T) {
	t.Parallel()
	raw := func(b []byte) func(*scene) {
		return func(s *scene) { s.tamper = func(sig *sigstore.Signature) { sig.Raw = b } }
	}
	for _, tt := range []struct {
		name   string
		change func(*scene)
		want   string
		unseen bool
	}{
		{"too many bytes", raw(bytes.Repeat([]byte(" "), 1<<20+1)), "too_large", true},
		{"too deep", raw([]byte(strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100))), "malformed_signature", false},
		{"too many timestamps", func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Timestamps = make([][]byte, 9) }
		}, "too_many", true},
		{"too large a timestamp", func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Timestamps = [][]byte{make([]byte, 64<<10+1)} }
		}, "too_large", true},
		{"too many log entries", func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) {
				for range 8 {
					sig.Entries = append(sig.Entries, sig.Entries[0])
				}
			}
		}, "too_many", true},
		{"too large a log entry", func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Entries[0].CanonicalizedBody = make([]byte, 256<<10+1) }
		}, "too_large", true},
		{"log entry twice", func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Entries = append(sig.Entries, sig.Entries[0]) }
		}, "invalid_log_entry", false},
		{"too large a key in a log entry", func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { hugeKey(s, sig.Entries[0]) }
		}, "invalid_log_entry", false},
		{"a log entry without a version", func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) {
				body := bytes.Replace(sig.Entries[0].CanonicalizedBody, []byte("apiVersion"), []byte("apiversion"), 1)
				sig.Entries[0].CanonicalizedBody = body
			}
		}, "invalid_log_entry", false},
		{"too many layers", func(s *scene) {
			s.manifest = func(m *ocispec.Manifest) {
				for range 64 {
					m.Layers = append(m.Layers, m.Layers[0])
				}
			}
		}, "too_many", true},
		{"a layer of negative size", func(s *scene) {
			s.manifest = func(m *ocispec.Manifest) { m.Layers[0].Size = -1 }
		}, "malformed_signature", false},
		{"no layer", func(s *scene) {
			s.manifest = func(m *ocispec.Manifest) { m.Layers = nil }
		}, "empty_signature", false},
		{"layer of another kind", func(s *scene) {
			s.manifest = func(m *ocispec.Manifest) { m.Layers[0].MediaType = "text/plain" }
		}, "empty_signature", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := byCertificate(t, sigstore.CertificateOptions{})
			tt.change(s)
			got := s.verify()
			if tt.name == "too large a key in a log entry" && !strings.Contains(messages(got), "8192 bits") {
				t.Error(messages(got))
			}
			if v := verdictOf(got); v.Codes != tt.want || got.Errors[0].Unseen != tt.unseen {
				t.Errorf("%+v, unseen %t\n%s", v, got.Errors[0].Unseen, messages(got))
			}
		})
	}
}

// hugeKey puts an RSA key of 20 000 bits into an entry.
func hugeKey(tb testing.TB, e *rekor.TransparencyLogEntry) {
	tb.Helper()
	n := new(big.Int).SetBit(big.NewInt(1), 20_000, 1)
	der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: 65537})
	must(tb, err)
	var body map[string]any
	must(tb, json.Unmarshal(e.GetCanonicalizedBody(), &body))
	body["anywhere"] = []any{base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
	e.CanonicalizedBody, err = json.Marshal(body)
	must(tb, err)
}

// Several signatures in one .sig manifest are judged each for itself.
func TestVerify_several(t *testing.T) {
	t.Parallel()
	s := byKey(t, sigstore.KeyOptions{})
	s.sign.Layout = sigstore.Tag
	other, err := sigstore.NewKey(sigstore.KeyOptions{})
	must(t, err)
	foreign, err := other.Sign(subject, s.sign)
	must(t, err)
	all := s.verifyAll(foreign, s.signElsewhere(), s.signed())
	if len(all) != 3 {
		t.Fatalf("%d signatures", len(all))
	}
	for i, want := range []string{"untrusted_key", "subject_mismatch", ""} {
		if v := verdictOf(all[i]); v.Codes != want || v.Verified != (want == "") {
			t.Errorf("signature %d: %+v", i+1, v)
		}
	}
}

// A signature is for one image alone, unlike an attestation.
func TestVerify_severalSubjects(t *testing.T) {
	t.Parallel()
	s := byKey(t, sigstore.KeyOptions{})
	s.sign.Digests = []digest.Digest{subject.Digest, elsewhere().Digest}
	s.wants("subject_mismatch", "not only for")
}

// The hash that the trust document fixes is the only one.
func TestVerify_hash(t *testing.T) {
	t.Parallel()
	for hash, want := range map[string]string{"sha256": "", "sha384": "invalid_signature"} {
		s := byKey(t, sigstore.KeyOptions{Kind: signtest.ECP384, Hash: crypto.SHA256})
		s.trusting("keys", []any{map[string]any{"key": s.signer.PEM(), "hash": hash}})
		s.wants(want, "")
	}
}

// A certificate's owner whose key is in the trust document signs as that key.
func TestVerify_keyBehindCertificate(t *testing.T) {
	t.Parallel()
	s := byCertificate(t, sigstore.CertificateOptions{})
	s.trust = map[string]any{"keys": []any{s.signer.PEM()}}
	got := s.verify()
	if !got.Verified || got.Signer.Kind != "key" {
		t.Errorf("%+v\n%s", got.Signer, messages(got))
	}
}

// A bare key in the place of the certificate (GHSA-fx35-mq7g-6g98).
func TestVerify_keyInPlaceOfCertificate(t *testing.T) {
	t.Parallel()
	s := byCertificate(t, sigstore.CertificateOptions{})
	s.sign.Layout = sigstore.Tag
	s.manifest = func(m *ocispec.Manifest) {
		m.Layers[0].Annotations["dev.sigstore.cosign/certificate"] = s.signer.PEM()
	}
	s.wants("malformed_signature", "not a certificate")
}

func TestVerify_noCosignPart(t *testing.T) {
	t.Parallel()
	ca := signtestCA(t)
	s := byKey(t, sigstore.KeyOptions{})
	got := cosign.New(cosign.Options{}).Verify(t.Context(), s.evidence(s.verifier.Envelopes, s.signed()), ca)
	if len(got) != 1 || verdictOf(got[0]).Codes != "no_trust_policy" {
		t.Errorf("%+v", got)
	}
}
