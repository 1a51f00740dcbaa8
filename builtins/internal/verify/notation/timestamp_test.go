// SPDX-License-Identifier: Apache-2.0

package notation_test

import (
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// withTSA trusts a timestamp authority and lets it countersign at the given time.
func withTSA(s *scene, o signtest.TSAOptions) *signtest.TSA {
	tsa := signtest.StartTSA(s.t, o)
	s.policy.stores = map[string][]any{"ca:acme": {string(s.ca.PEM())}, "tsa:clock": {string(tsa.CA.PEM())}}
	s.tamper = func(e signtest.Envelope) (signtest.Envelope, error) { return tsa.Countersign(s.t.Context(), e) }
	return tsa
}

func clock(at time.Time) func() time.Time { return func() time.Time { return at } }

func afterCertExpiry(s *scene) { s.policy.verification["verifyTimestamp"] = "afterCertExpiry" }

func TestVerify_timestamp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*scene)
		want   verdict
		says   string

		stricter bool // than notation-go
	}{
		{name: "good", change: func(s *scene) { withTSA(s, signtest.TSAOptions{}) }, want: verdict{true, "", allPassed}},
		{name: "vouches for a certificate that is over", change: vouched, want: verdict{true, "", allPassed}},
		{name: "of an authority whose certificate is over now", change: oldAuthority, want: verdict{true, "", allPassed}},
		{name: "missing", change: missing, want: verdict{false, "missing_timestamp", "ppppfs"}, says: "tsa store"},
		{name: "missing, and certificate is over", change: func(s *scene) { missing(s); certificateOver(s) }, want: verdict{false, "missing_timestamp", "ppppfs"}},
		{name: "missing, needed only after certificate expiry", change: func(s *scene) { missing(s); afterCertExpiry(s) }, want: verdict{true, "", allPassed}},
		{name: "missing, needed after certificate expiry", change: func(s *scene) { missing(s); certificateOver(s); afterCertExpiry(s) }, want: verdict{false, "missing_timestamp", "ppppfs"}},
		{name: "not looked at before certificate expiry", change: func(s *scene) { strangersTSA(s); afterCertExpiry(s) }, want: verdict{true, "", allPassed}},
		{name: "certificate has not begun, timestamps not looked at", change: earlyWithoutTimestamp, want: verdict{false, "not_yet_valid", "ppppfs"}, says: "only after"},
		{name: "by a stranger", change: strangersTSA, want: verdict{false, "invalid_timestamp", "ppppfs"}, says: "tsa:clock"},
		{name: "by a certificate for code", change: func(s *scene) { withTSA(s, signtest.TSAOptions{CodeSigning: true}) }, want: verdict{false, "invalid_timestamp", "ppppfs"}},
		{name: "of another signature", change: borrowed, want: verdict{false, "invalid_timestamp", "ppppfs"}, says: "for another signature"},
		{name: "garbage", change: garbage, want: verdict{false, "invalid_timestamp", "ppppfs"}},
		{name: "after the certificate was over", change: tooLate, want: verdict{false, "expired", "ppppfs"}, says: "at the signed timestamp"},
		{name: "before the certificate began", change: tooEarly, want: verdict{false, "not_yet_valid", "ppppfs"}, says: "at the signed timestamp"},
		{name: "authority revoked", change: revokedTSA, want: verdict{false, "revoked", "ppppfs"}, says: "timestamping certificate"},
		{name: "authority's responder down", change: downTSA, want: verdict{false, "revocation_unknown?", "ppppfs"}},
		{name: "brings a certificate with a huge key", change: heavyToken, want: verdict{false, "unsupported_format", ""}, says: "RSA key of 65536 bits"},
		{name: "removed by somebody", change: removed, want: verdict{false, "missing_timestamp", "ppppfs"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, format := range signtest.Formats() {
				t.Run(string(format), func(t *testing.T) {
					t.Parallel()
					s := newScene(t, format)
					tt.change(s)
					got := s.compare(tt.stricter)
					if diff := cmp.Diff(tt.want, verdictOf(got)); diff != "" {
						t.Errorf("verdict (-want +got):\n%s\n%s", diff, messages(got))
					}
					if !strings.Contains(messages(got), tt.says) {
						t.Errorf("messages = %q, want %q in them", messages(got), tt.says)
					}
				})
			}
		})
	}
}

func vouched(s *scene) {
	certificateOver(s)
	withTSA(s, signtest.TSAOptions{Now: clock(time.Now().Add(-day - hour))})
}

func oldAuthority(s *scene) {
	then := time.Now().Add(-2 * day)
	withTSA(s, signtest.TSAOptions{NotBefore: then.Add(-day), NotAfter: then.Add(day), Now: clock(then)})
}

func missing(s *scene) {
	withTSA(s, signtest.TSAOptions{})
	s.tamper = func(e signtest.Envelope) (signtest.Envelope, error) { return e, nil }
}

func removed(s *scene) {
	s.sign.TSA = withTSA(s, signtest.TSAOptions{})
	s.tamper = signtest.WithoutTimestamp
}

func strangersTSA(s *scene) {
	withTSA(s, signtest.TSAOptions{})
	other := signtest.StartTSA(s.t, signtest.TSAOptions{})
	s.tamper = func(e signtest.Envelope) (signtest.Envelope, error) { return other.Countersign(s.t.Context(), e) }
}

func earlyWithoutTimestamp(s *scene) {
	certificateEarly(s)
	withTSA(s, signtest.TSAOptions{})
	afterCertExpiry(s)
}

func borrowed(s *scene) {
	tsa := withTSA(s, signtest.TSAOptions{})
	s.tamper = func(e signtest.Envelope) (signtest.Envelope, error) {
		token, err := tsa.Token(s.t.Context(), []byte("another signature"))
		if err != nil {
			return e, err
		}
		return signtest.WithTimestamp(e, token)
	}
}

func garbage(s *scene) {
	missing(s)
	s.tamper = func(e signtest.Envelope) (signtest.Envelope, error) {
		return signtest.WithTimestamp(e, []byte("token"))
	}
}

func tooLate(s *scene) {
	certificateOver(s)
	withTSA(s, signtest.TSAOptions{})
}

func tooEarly(s *scene) {
	s.leaf.NotBefore = time.Now().Add(-hour)
	withTSA(s, signtest.TSAOptions{Now: clock(time.Now().Add(-day))})
}

// heavyToken adds a certificate to a good token: the list is not signed.
func heavyToken(s *scene) {
	tsa := withTSA(s, signtest.TSAOptions{})
	s.tamper = func(e signtest.Envelope) (signtest.Envelope, error) {
		token, err := tsa.Token(s.t.Context(), []byte("any"))
		if err != nil {
			return e, err
		}
		return signtest.WithTimestamp(e, withCertificate(s.t, token, huge(s)))
	}
}

// withCertificate adds to the certificates of a CMS SignedData (RFC 5652,
// section 5.1).
func withCertificate(tb testing.TB, token, certificate []byte) []byte {
	tb.Helper()
	var info struct {
		Type    asn1.ObjectIdentifier
		Content struct {
			Version      int
			Digests      asn1.RawValue
			Encapsulated asn1.RawValue
			Certificates asn1.RawValue `asn1:"tag:0"`
			Signers      asn1.RawValue
		} `asn1:"explicit,tag:0"`
	}
	if _, err := asn1.Unmarshal(token, &info); err != nil {
		tb.Fatal(err)
	}
	c := &info.Content.Certificates
	*c = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: append(slices.Clone(c.Bytes), certificate...)}
	edited, err := asn1.Marshal(info)
	if err != nil {
		tb.Fatal(err)
	}
	return edited
}

// authority makes a timestamp authority whose certificate names a responder.
func authority(s *scene) (*signtest.TSA, *signtest.Revocation) {
	ca := newCA(s.t, signtest.CAOptions{CommonName: "clock root"})
	responder := signtest.StartRevocation(s.t, ca)
	ca.OCSP = responder.OCSP
	return withTSA(s, signtest.TSAOptions{CA: ca}), responder
}

func revokedTSA(s *scene) {
	tsa, responder := authority(s)
	responder.Revoke(new(big.Int).Set(tsa.Signer.Cert().SerialNumber), time.Now().Add(-hour))
}

func downTSA(s *scene) {
	_, responder := authority(s)
	responder.SetMode(signtest.RevocationDown)
}

// TestVerify_signedAt: the proven time replaces the claimed one, but only if it
// was checked.
func TestVerify_signedAt(t *testing.T) {
	t.Parallel()
	for _, format := range signtest.Formats() {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			claimed, proven := time.Now().Add(-2*hour).UTC().Truncate(time.Second), time.Now().Add(-hour).UTC().Truncate(time.Second)
			s := newScene(t, format)
			s.sign.SigningTime = claimed
			withTSA(s, signtest.TSAOptions{Now: clock(proven)})
			env := s.signed()
			checked := s.verifier.Verify(t.Context(), s.of(env), s.document())[0]
			afterCertExpiry(s)
			unchecked := s.verifier.Verify(t.Context(), s.of(env), s.document())[0]
			want := []string{proven.Format(time.RFC3339), claimed.Format(time.RFC3339)}
			if diff := cmp.Diff(want, []string{checked.SignedAt, unchecked.SignedAt}); diff != "" {
				t.Errorf("signed at, checked and unchecked (-want +got):\n%s", diff)
			}
		})
	}
}

// TestVerify_isConcurrent shares one verifier, document and signature.
func TestVerify_isConcurrent(t *testing.T) {
	t.Parallel()
	s := newScene(t, signtest.COSE)
	env, doc := s.signed(), s.document()
	verified := make(chan bool)
	const callers = 16
	for range callers {
		go func(v *notation.Verifier, e verify.Evidence) {
			verified <- v.Verify(t.Context(), e, doc)[0].Verified
		}(s.verifier, s.of(env))
	}
	for range callers {
		if !<-verified {
			t.Error("a concurrent caller got another verdict")
		}
	}
}
