// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

func elsewhere() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("another image"), Size: 13}
}

func stranger(t *testing.T) *sigstore.Instance {
	t.Helper()
	i, err := sigstore.NewInstance(sigstore.InstanceOptions{})
	must(t, err)
	return i
}

// signElsewhere has the scene's signer sign another image.
func (s *scene) signElsewhere() *sigstore.Signature {
	s.Helper()
	sig, err := s.signer.Sign(elsewhere(), s.sign)
	must(s, err)
	return sig
}

// What everybody can get wrong, by a key and by a certificate, in a bundle and
// under a tag; a bad input gets the same code wherever it is.
func TestVerify_rejects(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*scene)
		key    string // code if a key signs; "-": does not apply
		keyTag string // the same under a tag, if that differs
		cert   string // code if a certificate signs
		says   string
	}{
		{name: "other digest", change: func(s *scene) { s.sign.Digests = []digest.Digest{elsewhere().Digest} }, key: "subject_mismatch", cert: "subject_mismatch", says: elsewhere().Digest.String()},
		{name: "replayed from another image", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { *sig = *s.signElsewhere() }
		}, key: "subject_mismatch", cert: "subject_mismatch", says: "made for something else"},
		{name: "tampered payload", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { must(s, sig.FlipPayload()) }
		}, key: "invalid_signature", keyTag: "untrusted_key", cert: "invalid_signature"},
		{name: "tampered signature", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.FlipSignature() }
		}, key: "invalid_signature", keyTag: "untrusted_key", cert: "invalid_signature"},
		{name: "truncated", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { must(s, sig.Truncate(100)) }
		}, key: "malformed_signature", cert: "malformed_signature", says: "cannot be read"},
		{name: "empty", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Raw = []byte{} }
		}, key: "empty_signature", cert: "empty_signature"},
		{name: "annotation missing", change: func(s *scene) { s.demanded = map[string]string{"team": "a"} }, key: "annotation_mismatch", cert: "annotation_mismatch", says: "no annotation"},
		{name: "annotation differs", change: func(s *scene) {
			s.sign.Annotations = map[string]string{"team": "b"}
			s.trusting("annotations", map[string]any{"team": "a"})
		}, key: "annotation_mismatch", cert: "annotation_mismatch", says: `"b"`},
		{name: "payload of no kind", change: func(s *scene) { s.sign.Payload = []byte("{}") }, key: "malformed_signature", cert: "malformed_signature"},
		{name: "payload with a key twice", change: func(s *scene) {
			s.sign.Payload = []byte(`{"critical": 1, "critical": 2, "_type": "x"}`)
		}, key: "malformed_signature", cert: "malformed_signature", says: "there twice"},
		{name: "manifest of another subject", change: func(s *scene) {
			s.manifest = func(m *ocispec.Manifest) { m.Subject = &ocispec.Descriptor{Digest: elsewhere().Digest} }
		}, key: "subject_mismatch", cert: "subject_mismatch"},
		{name: "other key", change: func(s *scene) {
			other, err := sigstore.NewKey(sigstore.KeyOptions{})
			must(s, err)
			s.trusting("keys", []any{other.PEM()})
			s.trusting("identities", nil)
		}, key: "untrusted_key", cert: "untrusted_key"},
		{name: "a key where an identity is wanted", change: func(s *scene) {
			s.trusting("keys", nil)
			s.trusting("identities", []any{map[string]any{"issuer": "https://accounts.acme.example", "subject": "release@acme.example"}})
			s.trusting("trusted_root", stranger(s.T).TrustedRoot(sigstore.TrustedRootOptions{}))
		}, key: "untrusted_identity", cert: "-", says: "bare key"},
	} {
		for _, layout := range []sigstore.Layout{sigstore.Bundle, sigstore.Tag} {
			for _, keyed := range []bool{true, false} {
				want := tt.cert
				if keyed {
					want = tt.key
				}
				if keyed && layout == sigstore.Tag && tt.keyTag != "" {
					want = tt.keyTag
				}
				if want == "-" {
					continue
				}
				t.Run(tt.name+" "+string(layout)+" "+map[bool]string{true: "key", false: "certificate"}[keyed], func(t *testing.T) {
					t.Parallel()
					s := byEither(t, keyed)
					s.sign.Layout = layout
					tt.change(s)
					s.wants(want, tt.says)
				})
			}
		}
	}
}

func byEither(t *testing.T, keyed bool) *scene {
	t.Helper()
	if keyed {
		return byKey(t, sigstore.KeyOptions{})
	}
	return byCertificate(t, sigstore.CertificateOptions{})
}

// wants judges the scene's signature and compares its codes.
func (s *scene) wants(codes, says string) {
	s.Helper()
	got := s.verify()
	if v := verdictOf(got); v.Codes != codes || v.Verified != (codes == "") || !strings.Contains(messages(got), says) {
		s.Errorf("verified %t, codes %q, want %q saying %q\n%s\n%s", v.Verified, v.Codes, codes, says, v.Checks, messages(got))
	}
}

// What only a certificate can get wrong.
func TestVerify_rejectsCertificates(t *testing.T) {
	t.Parallel()
	past := time.Now().Add(-time.Hour)
	root := func(o sigstore.TrustedRootOptions) func(*scene) {
		return func(s *scene) { s.trusting("trusted_root", s.instance.TrustedRoot(o)) }
	}
	for _, tt := range []struct {
		name   string
		signer sigstore.CertificateOptions
		change func(*scene)
		want   string
		says   string
	}{
		{name: "outside its validity: over", signer: sigstore.CertificateOptions{NotBefore: past}, want: "expired", says: "when it signed"},
		{name: "outside its validity: not yet", signer: sigstore.CertificateOptions{NotBefore: time.Now().Add(time.Hour)}, want: "not_yet_valid"},
		{name: "over, by timestamp alone", signer: sigstore.CertificateOptions{NotBefore: past}, change: func(s *scene) { s.trusting("transparency_log", "ignored") }, want: "expired", says: "when it signed"},
		{name: "not yet, by timestamp alone", signer: sigstore.CertificateOptions{NotBefore: time.Now().Add(time.Hour)}, change: func(s *scene) { s.trusting("transparency_log", "ignored") }, want: "not_yet_valid"},
		{name: "no SCT", signer: sigstore.CertificateOptions{NoSCT: true}, want: "missing_sct"},
		{name: "no SCT, ignored", signer: sigstore.CertificateOptions{NoSCT: true}, change: func(s *scene) { s.trusting("certificate_transparency", "ignored") }, want: ""},
		{name: "log entry missing", change: func(s *scene) { s.sign.NoLog = true }, want: "missing_log_entry"},
		{name: "log entry missing, ignored", change: func(s *scene) {
			s.sign.NoLog = true
			s.trusting("transparency_log", "ignored")
		}, want: ""},
		{name: "log entry of something else", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.EntriesOf(s.signElsewhere()) }
		}, want: "invalid_log_entry", says: "something else"},
		{name: "log entry with a broken promise", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Entries[0].InclusionPromise.SignedEntryTimestamp[9] ^= 1 }
		}, want: "invalid_log_entry", says: "its signed entry timestamp (SET) does not verify: unable to verify SET"},
		{name: "log entry promised for another index", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Entries[0].LogIndex++ }
		}, want: "invalid_log_entry", says: "(SET) does not verify"},
		{name: "log entry of a log that had ended", change: root(sigstore.TrustedRootOptions{ValidUntil: past}), want: "invalid_log_entry", says: "(SET) does not verify: rekor log public key not valid at payload integrated time"},
		{name: "log of a stranger", change: func(s *scene) { s.sign.Log = stranger(s.T).Log }, want: "untrusted_log"},
		{name: "logged after the certificate was over", change: func(s *scene) { s.sign.At = time.Now().Add(time.Hour) }, want: "expired"},
		{name: "timestamp missing", change: func(s *scene) {
			s.sign.NoTimestamp = true
			s.trusting("signed_timestamp", "required")
		}, want: "missing_timestamp"},
		{name: "timestamp missing, accepted", change: func(s *scene) { s.sign.NoTimestamp = true }, want: ""},
		{name: "timestamp missing beside Rekor v2, which has no time", change: func(s *scene) {
			s.sign.NoTimestamp = true
			s.sign.Log = s.instance.LogV2
		}, want: "missing_timestamp", says: "nothing proves when"},
		{name: "Rekor v2 and a timestamp", change: func(s *scene) { s.sign.Log = s.instance.LogV2 }, want: ""},
		{name: "timestamp by a stranger", change: func(s *scene) {
			s.sign.TSA = stranger(s.T).TSA
			s.trusting("signed_timestamp", "required")
		}, want: "untrusted_timestamp"},
		{name: "timestamp of something else", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Timestamps = s.signElsewhere().Timestamps }
			s.trusting("signed_timestamp", "required")
		}, want: "invalid_timestamp"},
		{name: "expired root", change: root(sigstore.TrustedRootOptions{CAUntil: past}), want: "expired_root"},
		{name: "timestamp authority not in the root, and required", change: func(s *scene) {
			s.trusting("trusted_root", stranger(s.T).TrustedRoot(sigstore.TrustedRootOptions{}))
			s.trusting("transparency_log", "ignored")
			s.trusting("signed_timestamp", "required")
		}, want: "untrusted_timestamp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := byCertificate(t, tt.signer)
			if tt.change != nil {
				tt.change(s)
			}
			s.wants(tt.want, tt.says)
		})
	}
}

// A stranger's authority, certified in the log and by the timestamps of the
// trusted one.
func TestVerify_untrustedAuthority(t *testing.T) {
	t.Parallel()
	s := byCertificate(t, sigstore.CertificateOptions{})
	other, err := stranger(t).Certify(sigstore.CertificateOptions{SCTBy: s.instance})
	must(t, err)
	s.signer, s.sign.Log, s.sign.TSA = other, s.instance.Log, s.instance.TSA
	s.wants("untrusted_certificate", "not an authority of the trusted root")
}

func TestVerify_foreignSCT(t *testing.T) {
	t.Parallel()
	s := byCertificate(t, sigstore.CertificateOptions{})
	other, err := s.instance.Certify(sigstore.CertificateOptions{SCTBy: stranger(t)})
	must(t, err)
	s.signer = other
	s.wants("invalid_sct", "")
}
