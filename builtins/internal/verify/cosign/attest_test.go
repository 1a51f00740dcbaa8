// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// Attestations in every layout, by keys and by certificates, with their content.
func TestVerifyAttestations(t *testing.T) {
	t.Parallel()
	for _, layout := range sigstore.Layouts() {
		for _, keyed := range []bool{true, false} {
			t.Run(string(layout), func(t *testing.T) {
				t.Parallel()
				s := byEither(t, keyed)
				s.sign = sigstore.SignOptions{Layout: layout, PredicateType: sigstore.PredicateSLSA, Predicate: map[string]any{"buildDefinition": "x"}}
				if !keyed {
					s.trusting("signed_timestamp", "required")
				}
				all := s.attestations(sigstore.PredicateSLSA)
				if len(all) != 1 || !all[0].Verified || all[0].PredicateType != sigstore.PredicateSLSA || !bytes.Contains(all[0].Statement, []byte("buildDefinition")) {
					t.Fatalf("%+v", all)
				}
			})
		}
	}
}

// The threats: a statement of another type counted as one of this type, and any
// statement counted as a signature.
func TestVerifyAttestations_predicateType(t *testing.T) {
	t.Parallel()
	for _, layout := range sigstore.Layouts() {
		for _, asked := range []string{sigstore.PredicateSPDX, "", sigstore.PredicateSLSA + "/", "HTTPS://slsa.dev/provenance/v1", sigstore.PredicateSignature} {
			t.Run(string(layout)+" "+asked, func(t *testing.T) {
				t.Parallel()
				s := byKey(t, sigstore.KeyOptions{})
				s.sign = sigstore.SignOptions{Layout: layout, PredicateType: sigstore.PredicateSLSA}
				if all := s.attestations(asked); len(all) != 0 {
					t.Errorf("%+v", all)
				}
			})
		}
	}
}

func TestVerify_attestationIsNoSignature(t *testing.T) {
	t.Parallel()
	for _, layout := range []sigstore.Layout{sigstore.Bundle, sigstore.BundleV02, sigstore.BundleV01} {
		for _, keyed := range []bool{true, false} {
			s := byEither(t, keyed)
			s.sign = sigstore.SignOptions{Layout: layout, PredicateType: sigstore.PredicateSLSA}
			s.tamper = func(sig *sigstore.Signature) { sig.PredicateType = sigstore.PredicateSignature } // the manifest lies
			if all := s.verifyAll(s.signed()); len(all) != 0 {
				t.Errorf("%s: %+v", layout, all)
			}
		}
	}
}

func TestVerifyAttestations_rejects(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*scene)
		want   string
	}{
		{"several subjects, ours among them", func(s *scene) { s.sign.Digests = []digest.Digest{elsewhere().Digest, subject.Digest} }, ""},
		{"other digest", func(s *scene) { s.sign.Digests = []digest.Digest{elsewhere().Digest} }, "subject_mismatch"},
		{"malformed subject beside ours", func(s *scene) {
			s.sign.Digests = []digest.Digest{subject.Digest, digest.NewDigestFromEncoded("sha256", "abc")}
		}, "malformed_signature"},
		{"tampered", func(s *scene) { s.tamper = func(sig *sigstore.Signature) { must(s, sig.FlipPayload()) } }, "untrusted_key"},
		{"other payload type", func(s *scene) { s.sign.PayloadType = "text/plain" }, "unsupported_format"},
		{"no predicate type", func(s *scene) {
			s.sign.Payload = []byte(`{"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": "` + subject.Digest.Encoded() + `"}}]}`)
		}, "malformed_signature"},
		{"predicate type in capitals", func(s *scene) {
			s.sign.Payload = []byte(`{"_type": "https://in-toto.io/Statement/v1", "PredicateType": "` + sigstore.PredicateSLSA + `", "subject": [{"digest": {"sha256": "` + subject.Digest.Encoded() + `"}}]}`)
		}, "malformed_signature"},
		{"statement of another version", func(s *scene) {
			s.sign.Payload = []byte(`{"_type": "https://in-toto.io/Statement/v9", "predicateType": "` + sigstore.PredicateSLSA + `", "subject": [{"digest": {"sha256": "` + subject.Digest.Encoded() + `"}}]}`)
		}, "malformed_signature"},
		{"no subject", func(s *scene) {
			s.sign.Payload = []byte(`{"_type": "https://in-toto.io/Statement/v1", "predicateType": "` + sigstore.PredicateSLSA + `", "subject": []}`)
		}, "malformed_signature"},
		{"nested deeply", func(s *scene) {
			s.sign.Predicate = rawJSON(strings.Repeat("[", 100) + strings.Repeat("]", 100))
		}, "malformed_signature"},
		{"empty payload", func(s *scene) { s.sign.Payload = []byte{} }, "empty_signature"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := byKey(t, sigstore.KeyOptions{})
			s.sign = sigstore.SignOptions{Layout: sigstore.Tag, PredicateType: sigstore.PredicateSLSA}
			tt.change(s)
			all := s.attestations(sigstore.PredicateSLSA)
			if len(all) != 1 {
				t.Fatalf("%d attestations", len(all))
			}
			if v := verdictOf(all[0].Signature); v.Codes != tt.want || v.Verified != (tt.want == "") || (all[0].Statement != nil) != v.Verified {
				t.Errorf("%+v, want %q\n%s", v, tt.want, messages(all[0].Signature))
			}
		})
	}
}

// rawJSON is JSON that encoding/json puts in as it is.
type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func TestSkip(t *testing.T) {
	t.Parallel()
	says := func(predicateType string) ocispec.Descriptor {
		return ocispec.Descriptor{Annotations: map[string]string{"dev.sigstore.bundle.predicateType": predicateType}}
	}
	v := newScene(t, nil).verifier
	for _, tt := range []struct {
		says                  string
		signature, slsa, sbom bool // skipped
	}{
		{"", false, false, false},
		{sigstore.PredicateSignature, false, false, false},
		{sigstore.PredicateSLSA, true, false, true},
		{sigstore.PredicateSPDX, true, true, false},
	} {
		d := says(tt.says)
		if v.Skip(d) != tt.signature || (v.OtherType(d, sigstore.PredicateSLSA) != "") != tt.slsa || (v.OtherType(d, sigstore.PredicateSPDX) != "") != tt.sbom {
			t.Errorf("%q: %t %q %q", tt.says, v.Skip(d), v.OtherType(d, sigstore.PredicateSLSA), v.OtherType(d, sigstore.PredicateSPDX))
		}
	}
}
