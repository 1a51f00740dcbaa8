// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

func TestVerifyBlob(t *testing.T) {
	t.Parallel()
	content, other := []byte("a chart"), []byte("another chart")
	whole := verify.Blob{Digest: digest.FromBytes(content), Bytes: content}
	for _, tt := range []struct {
		name   string
		change func(*scene)
		asked  verify.Blob
		key    string
		cert   string
	}{
		{name: "bytes", asked: whole},
		{name: "digest", asked: verify.Blob{Digest: whole.Digest}},
		{name: "other bytes", asked: verify.Blob{Digest: digest.FromBytes(other), Bytes: other}, key: "subject_mismatch", cert: "subject_mismatch"},
		{name: "other digest", asked: verify.Blob{Digest: digest.FromBytes(other)}, key: "subject_mismatch", cert: "subject_mismatch"},
		{name: "tampered", change: func(s *scene) { s.tamper = func(sig *sigstore.Signature) { sig.FlipSignature() } }, asked: whole, key: "invalid_signature", cert: "invalid_signature"},
		{name: "truncated", change: func(s *scene) { s.tamper = func(sig *sigstore.Signature) { must(s, sig.Truncate(40)) } }, asked: whole, key: "malformed_signature", cert: "malformed_signature"},
		{name: "empty", change: func(s *scene) { s.tamper = func(sig *sigstore.Signature) { sig.Raw = []byte{} } }, asked: whole, key: "empty_signature", cert: "empty_signature"},
		{name: "no content", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Raw = []byte(`{"mediaType": "` + sigstore.MediaTypeBundle + `"}`) }
		}, asked: whole, key: "empty_signature", cert: "empty_signature"},
	} {
		for _, keyed := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				s := byEither(t, keyed)
				if tt.change != nil {
					tt.change(s)
				}
				sig, err := s.signer.SignBlob(content, s.sign)
				must(t, err)
				s.tamper(sig)
				asked := tt.asked
				asked.Envelope, err = sig.Bundle()
				must(t, err)
				want := tt.key
				if !keyed {
					want = tt.cert
				}
				got := s.verifier.VerifyBlob(t.Context(), asked, s.document())
				if v := verdictOf(got); v.Codes != want || v.Verified != (want == "") {
					t.Errorf("%+v, want %q\n%s", v, want, messages(got))
				}
			})
		}
	}
}

// A signed attestation over a blob is not a signature of it.
func TestVerifyBlob_attestation(t *testing.T) {
	t.Parallel()
	for predicateType, want := range map[string]string{sigstore.PredicateSLSA: "predicate_mismatch", sigstore.PredicateSignature: ""} {
		s := byKey(t, sigstore.KeyOptions{})
		s.sign.PredicateType = predicateType
		raw, err := s.signed().Bundle()
		must(t, err)
		got := s.verifier.VerifyBlob(t.Context(), verify.Blob{Digest: subject.Digest, Envelope: raw}, s.document())
		if v := verdictOf(got); v.Codes != want || v.Verified != (want == "") {
			t.Errorf("%+v", v)
		}
	}
}

// Ed25519 signs bytes and not digests. The threat: sigstore-go v1.1.4, told only
// the digest, checks the signature of no bytes at all, so that one signature of
// nothing would vouch for everything.
func TestVerifyBlob_signatureOfNothing(t *testing.T) {
	t.Parallel()
	s := byKey(t, sigstore.KeyOptions{Kind: sigstore.Ed25519})
	content := []byte("a chart")
	sig, err := s.signer.SignBlob(content, s.sign)
	must(t, err)
	private, _ := s.signer.Key.(ed25519.PrivateKey)
	sig.Sig = ed25519.Sign(private, nil)
	raw, err := sig.Bundle()
	must(t, err)
	for _, b := range []verify.Blob{{Digest: digest.FromBytes(content), Envelope: raw}, {Digest: digest.FromBytes(content), Bytes: content, Envelope: raw}} {
		if v := verdictOf(s.verifier.VerifyBlob(t.Context(), b, s.document())); v.Verified || v.Codes != "invalid_signature" {
			t.Errorf("%+v", v)
		}
	}
}

// By every kind of key, with the bytes; and with the digest, where that is enough.
func TestVerifyBlob_keys(t *testing.T) {
	t.Parallel()
	content := []byte("a chart")
	for _, kind := range []signtest.KeyKind{signtest.ECP256, signtest.ECP384, signtest.ECP521, signtest.RSA2048, sigstore.Ed25519} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := byKey(t, sigstore.KeyOptions{Kind: kind})
			sig, err := s.signer.SignBlob(content, s.sign)
			must(t, err)
			raw, err := sig.Bundle()
			must(t, err)
			if got := s.verifier.VerifyBlob(t.Context(), verify.Blob{Digest: digest.FromBytes(content), Bytes: content, Envelope: raw}, s.document()); !got.Verified {
				t.Errorf("bytes: %s", messages(got))
			}
		})
	}
}

func TestRecognises(t *testing.T) {
	t.Parallel()
	v := newScene(t, nil).verifier
	for raw, want := range map[string]bool{
		`{"mediaType": "` + sigstore.MediaTypeBundle + `"}`:                            true,
		`{"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1"}`:        true,
		`{"mediaType": "application/vnd.dev.sigstore.bundle.v9.9+json"}`:               false,
		`{"payload": "", "protected": "", "header": {"x5c": []}, "signature": "AAAA"}`: false,
		"": false,
	} {
		if v.Recognises([]byte(raw)) != want {
			t.Errorf("%s: %t", raw, !want)
		}
	}
}
