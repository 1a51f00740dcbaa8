// SPDX-License-Identifier: Apache-2.0

package notation_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/notaryproject/notation-core-go/signature"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

const (
	allPassed = "pppppp"
	hour      = time.Hour
	day       = 24 * time.Hour
)

// TestVerify has, per check, one signature that fails only that check.
func TestVerify(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*scene)
		want   verdict
		says   string // part of the messages

		stricter bool // than notation-go
	}{
		{name: "good", change: func(*scene) {}, want: verdict{true, "", allPassed}},
		{name: "RSA", change: func(s *scene) { s.leaf.Key = signtest.RSA2048 }, want: verdict{true, "", allPassed}},
		{name: "intermediates", change: func(s *scene) { s.ca = newCA(s.t, signtest.CAOptions{Intermediates: 2}) }, want: verdict{true, "", allPassed}},
		{name: "an intermediate is pinned", change: pinIntermediate, want: verdict{true, "", allPassed}},
		{name: "leaf is pinned", change: pinLeaf, want: verdict{true, "", allPassed}},
		{name: "sibling of the pinned leaf", change: pinSibling, want: verdict{false, "untrusted_certificate", "pfssss"}, says: `"CN=release`},
		{name: "self-signed", change: selfSigned, want: verdict{true, "", allPassed}},
		{name: "payload is changed", change: func(s *scene) { s.tamper = signtest.FlipPayload }, want: verdict{false, "invalid_signature", "fsssss"}},
		{name: "signature is changed", change: func(s *scene) { s.tamper = signtest.FlipSignature }, want: verdict{false, "invalid_signature", "fsssss"}},
		{name: "signed with another key", change: wrongKey, want: verdict{false, "invalid_signature", "fsssss"}},
		{name: "signed by a stranger", change: stranger, want: verdict{false, "untrusted_certificate", "pfssss"}, says: `ends at "CN=other root`},
		{name: "stranger of the same name", change: namesake, want: verdict{false, "untrusted_certificate", "pfssss"}, says: "that of the same name in ca:acme is another, sha256:"},
		{name: "another identity", change: otherIdentity, want: verdict{false, "untrusted_identity", "ppfsss"}, says: "CN=release (is dev)"},
		{name: "signer without state", change: nameless, want: verdict{false, "untrusted_identity", "ppfsss"}, says: "has no ST"},
		{name: "expired", change: expired, want: verdict{false, "expired", "pppfss"}, says: "the signature expired at"},
		{name: "certificate is over", change: certificateOver, want: verdict{false, "expired", "ppppfs"}, says: "no tsa store"},
		{name: "certificate has not begun", change: certificateEarly, want: verdict{false, "not_yet_valid", "ppppfs"}},
		{name: "for another image", change: otherImage, want: verdict{false, "subject_mismatch", allPassed}, says: "made for another image"},
		{name: "with another size", change: otherSize, want: verdict{false, "subject_mismatch", allPassed}},
		{name: "with another media type", change: otherType, want: verdict{false, "subject_mismatch", allPassed}},
		{name: "manifest names another subject", change: manifestElsewhere, want: verdict{false, "subject_mismatch", ""}, says: "manifest names the subject"},
		{name: "manifest lies about the size", change: manifestSize, want: verdict{false, "subject_mismatch", allPassed}},
		{name: "manifest lies about the media type", change: manifestType, want: verdict{false, "subject_mismatch", allPassed}},
		{name: "annotation is there", change: annotations(map[string]string{"team": "a"}, map[string]string{"team": "a"}), want: verdict{true, "", allPassed}},
		{name: "annotation is missing", change: annotations(nil, map[string]string{"team": "a"}), want: verdict{false, "annotation_mismatch", allPassed}, says: `no annotation "team"`},
		{name: "annotation differs", change: annotations(map[string]string{"team": "b"}, map[string]string{"team": "a"}), want: verdict{false, "annotation_mismatch", allPassed}, says: `"team" = "b"`},
		{name: "wrong image and annotation", change: wrongTwice, want: verdict{false, "subject_mismatch annotation_mismatch", allPassed}},
		{name: "payload of another kind", change: func(s *scene) { s.sign.PayloadType = "application/json" }, want: verdict{false, "unsupported_format", "fsssss"}},
		{name: "payload is not ours", change: func(s *scene) { s.sign.Payload = []byte(`{"targetArtifact": 3}`) }, want: verdict{false, "malformed_signature", allPassed}},
		{name: "plugin demanded", change: func(s *scene) { s.sign.Attributes = critical("io.cncf.notary.verificationPlugin") }, want: verdict{false, "unsupported_format", "psssss"}, says: "verificationPlugin"},
		{name: "unknown critical attribute", change: func(s *scene) { s.sign.Attributes = critical("example.attribute") }, want: verdict{false, "unsupported_format", allPassed}, says: "example.attribute", stricter: true},
		{name: "unknown attribute", change: unknownAttribute, want: verdict{true, "", allPassed}},
		{name: "certificate for a server", change: serverCertificate, want: verdict{false, "untrusted_certificate", "fsssss"}, says: "ServerAuth"},
		{name: "chain without its root", change: rootless, want: verdict{false, "untrusted_certificate", "fsssss"}, says: "chain ends in its root"},
		{name: "chain too long", change: longChain, want: verdict{false, "too_many", ""}, says: "11 certificates"},
		{name: "leaf with a huge key", change: hugeLeaf, want: verdict{false, "unsupported_format", ""}, says: "65536 bits"},
		{name: "issuer with a huge key", change: hugeIssuer, want: verdict{false, "unsupported_format", ""}, says: "RSA key of 65536 bits"},
		{name: "timestamp too large", change: hugeToken, want: verdict{false, "too_large", ""}, says: "signed timestamp", stricter: true},
		{name: "empty envelope", change: blob(nil), want: verdict{false, "malformed_signature", ""}},
		{name: "envelope too large", change: blob(make([]byte, 1<<20+1)), want: verdict{false, "too_large", ""}},
		{name: "no envelope", change: func(s *scene) { s.evidence = func(e *verify.Evidence) { e.Blobs = nil } }, want: verdict{false, "malformed_signature", ""}},
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

func pinIntermediate(s *scene) {
	s.ca = newCA(s.t, signtest.CAOptions{Intermediates: 1})
	s.policy.stores = map[string][]any{"ca:acme": {pemOf(s.ca.Chain()[0])}}
}

func pinLeaf(s *scene) {
	s.signer = newLeaf(s.t, s.ca, s.leaf)
	s.policy.stores = map[string][]any{"ca:acme": {pemOf(s.signer.Cert())}}
}

func pinSibling(s *scene) {
	s.policy.stores = map[string][]any{"ca:acme": {pemOf(newLeaf(s.t, s.ca, s.leaf).Cert())}}
}

func selfSigned(s *scene) {
	signer, err := signtest.SelfSigned(s.leaf)
	if err != nil {
		s.t.Fatal(err)
	}
	s.signer = signer
	s.policy.stores = map[string][]any{"ca:acme": {string(signer.PEM())}}
}

func wrongKey(s *scene) {
	thief, owner := newLeaf(s.t, s.ca, s.leaf), newLeaf(s.t, s.ca, s.leaf)
	s.signer = owner
	s.tamper = func(e signtest.Envelope) (signtest.Envelope, error) {
		return (&signtest.Signer{Chain: owner.Chain, Key: thief.Key}).Resign(e, func(*signtest.Contents) {})
	}
}

func stranger(s *scene) {
	s.signer = newLeaf(s.t, newCA(s.t, signtest.CAOptions{CommonName: "other root"}), s.leaf)
}

func namesake(s *scene) {
	s.signer = newLeaf(s.t, newCA(s.t, signtest.CAOptions{CommonName: "acme root"}), s.leaf)
}

func otherIdentity(s *scene) {
	s.leaf.Subject = pkix.Name{CommonName: "dev", Organization: []string{"Acme"}, Province: []string{"WA"}, Country: []string{"US"}}
	s.policy.identities = []string{"x509.subject: C=US, ST=WA, O=Acme, CN=release"}
}

func nameless(s *scene) {
	s.leaf.Subject = pkix.Name{CommonName: "release", Organization: []string{"Acme"}, Country: []string{"US"}}
	s.policy.identities = []string{"x509.subject: C=US, ST=WA, O=Acme, CN=release"}
}

func expired(s *scene) {
	s.sign.SigningTime, s.sign.Expiry = time.Now().Add(-day), hour
}

func certificateOver(s *scene) {
	s.leaf.NotBefore, s.leaf.NotAfter = time.Now().Add(-2*day), time.Now().Add(-day)
	s.sign.SigningTime = time.Now().Add(-day - hour)
}

func certificateEarly(s *scene) {
	s.leaf.NotBefore = time.Now().Add(hour)
	s.sign.SigningTime = time.Now().Add(2 * hour)
}

func target(change func(*ocispec.Descriptor)) func(*scene) {
	return func(s *scene) {
		other := subject
		change(&other)
		s.sign.TargetOverride = &other
	}
}

func otherImage(s *scene) {
	target(func(d *ocispec.Descriptor) { d.Digest = digest.FromString("another image") })(s)
}
func otherSize(s *scene) { target(func(d *ocispec.Descriptor) { d.Size++ })(s) }
func otherType(s *scene) {
	target(func(d *ocispec.Descriptor) { d.MediaType = ocispec.MediaTypeImageIndex })(s)
}

func manifestElsewhere(s *scene) {
	s.evidence = func(e *verify.Evidence) { e.Manifest.Subject.Digest = digest.FromString("another image") }
}
func manifestSize(s *scene) { s.evidence = func(e *verify.Evidence) { e.Manifest.Subject.Size++ } }
func manifestType(s *scene) {
	s.evidence = func(e *verify.Evidence) { e.Manifest.Subject.MediaType = ocispec.MediaTypeImageIndex }
}

func annotations(signed, demanded map[string]string) func(*scene) {
	return func(s *scene) {
		s.sign.UserMetadata = signed
		s.evidence = func(e *verify.Evidence) { e.Annotations = demanded }
	}
}

func wrongTwice(s *scene) {
	annotations(nil, map[string]string{"team": "a"})(s)
	otherImage(s)
}

func unknownAttribute(s *scene) {
	s.tamper = resign(s, func(c *signtest.Contents) { c.Protected["example.attribute"] = "x" })
}

func serverCertificate(s *scene) {
	good := newLeaf(s.t, s.ca, s.leaf)
	server := newLeaf(s.t, s.ca, signtest.LeafOptions{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	s.signer = good
	s.tamper = func(e signtest.Envelope) (signtest.Envelope, error) {
		return server.Resign(e, func(*signtest.Contents) {})
	}
}

func rootless(s *scene) {
	s.ca = newCA(s.t, signtest.CAOptions{Intermediates: 1})
	s.tamper = resign(s, func(c *signtest.Contents) { c.Chain = c.Chain[:2] })
}

func longChain(s *scene) {
	s.tamper = resign(s, func(c *signtest.Contents) {
		for len(c.Chain) < 11 {
			c.Chain = append(c.Chain, c.Chain[1])
		}
	})
}

// huge is a certificate whose key nobody has: checking a signature by it would
// take longer than anybody waits.
func huge(s *scene) []byte {
	s.t.Helper()
	modulus := new(big.Int).SetBit(new(big.Int).SetBit(new(big.Int), 65535, 1), 0, 1)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(day)}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &rsa.PublicKey{N: modulus, E: 65537}, key)
	if err != nil {
		s.t.Fatal(err)
	}
	return der
}

func hugeLeaf(s *scene) {
	s.tamper = resign(s, func(c *signtest.Contents) { c.Chain[0] = huge(s) })
}

func hugeIssuer(s *scene) {
	s.tamper = resign(s, func(c *signtest.Contents) { c.Chain[1] = huge(s) })
}

func hugeToken(s *scene) {
	s.tamper = func(e signtest.Envelope) (signtest.Envelope, error) {
		return signtest.WithTimestamp(e, make([]byte, 64<<10+1))
	}
}

func resign(s *scene, change func(*signtest.Contents)) func(signtest.Envelope) (signtest.Envelope, error) {
	return func(e signtest.Envelope) (signtest.Envelope, error) { return s.signer.Resign(e, change) }
}

func blob(b []byte) func(*scene) {
	return func(s *scene) { s.evidence = func(e *verify.Evidence) { e.Blobs[0] = b } }
}

func pemOf(c *x509.Certificate) string {
	return string((&signtest.Signer{Chain: []*x509.Certificate{c}}).PEM())
}

func TestVerify_signingAuthority(t *testing.T) {
	t.Parallel()
	authority := func(s *scene) {
		s.sign.Scheme = signature.SigningSchemeX509SigningAuthority
		s.policy.stores = map[string][]any{"signingAuthority:acme": {string(s.ca.PEM())}}
	}
	tests := []struct {
		name   string
		change func(*scene)
		want   verdict
	}{
		{name: "good", change: func(*scene) {}, want: verdict{true, "", allPassed}},
		{name: "certificate was valid then and is over now", change: certificateOver, want: verdict{true, "", allPassed}},
		{name: "certificate was over then", change: signedTooLate, want: verdict{false, "expired", "ppppfs"}},
		{name: "certificate had not begun then", change: signedTooEarly, want: verdict{false, "not_yet_valid", "ppppfs"}},
		{name: "only a ca store", change: func(s *scene) { s.policy.stores = nil }, want: verdict{false, "no_trust_material", "pfssss"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, format := range signtest.Formats() {
				t.Run(string(format), func(t *testing.T) {
					t.Parallel()
					s := newScene(t, format)
					authority(s)
					tt.change(s)
					got := s.compare(false)
					if diff := cmp.Diff(tt.want, verdictOf(got)); diff != "" {
						t.Errorf("verdict (-want +got):\n%s\n%s", diff, messages(got))
					}
				})
			}
		})
	}
}

// at signs with a claimed time that the library would not sign with.
func at(s *scene, when time.Time) {
	s.tamper = resign(s, func(c *signtest.Contents) {
		const name = "io.cncf.notary.authenticSigningTime"
		switch c.Protected[name].(type) {
		case string:
			c.Protected[name] = when.UTC().Format(time.RFC3339)
		default:
			c.Protected[name] = when
		}
	})
}

func signedTooLate(s *scene) {
	certificateOver(s)
	at(s, time.Now().Add(-hour))
}

func signedTooEarly(s *scene) {
	s.leaf.NotBefore = time.Now().Add(-hour)
	at(s, time.Now().Add(-day))
}

func TestVerify_describes(t *testing.T) {
	t.Parallel()
	for _, format := range signtest.Formats() {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, format)
			s.sign.UserMetadata = map[string]string{"team": "a"}
			s.sign.SigningTime, s.sign.Expiry = time.Now().Add(-hour), 2*hour
			s.policy.identities = []string{"x509.subject: C=US, ST=WA, O=Acme"}
			s.evidence = func(e *verify.Evidence) { e.Annotations = map[string]string{"team": "b"} } // described all the same
			got := s.verify()
			want := report.Signature{
				Signer: report.Signer{Kind: "certificate", Subject: "CN=release,O=Acme,ST=WA,C=US", Issuer: "CN=acme root,O=Acme,ST=WA,C=US"},
				Trust:  report.Trust{Policy: "release", Level: "strict", Store: "ca:acme", Identity: "x509.subject: C=US, ST=WA, O=Acme"},
			}
			got.Signer.Fingerprint, got.Signer.Claims = strings.TrimPrefix(got.Signer.Fingerprint, "sha256:"+digest.FromBytes(s.signer.Cert().Raw).Encoded()), nil
			if diff := cmp.Diff([]any{want.Signer, want.Trust}, []any{got.Signer, got.Trust}); diff != "" {
				t.Errorf("signer and trust (-want +got):\n%s", diff)
			}
			times := []string{s.sign.SigningTime.UTC().Format(time.RFC3339), s.sign.SigningTime.Add(2 * hour).UTC().Format(time.RFC3339)}
			if diff := cmp.Diff(times, []string{got.SignedAt, got.ExpiresAt}); diff != "" {
				t.Errorf("signed at, expires at (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"team": "a"}, got.Annotations); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
			if want := s.sign.SigningTime.Add(2 * hour).Truncate(time.Second); !got.ValidUntil.Equal(want) {
				t.Errorf("valid until %v, want the expiry %v", got.ValidUntil, want)
			}
		})
	}
}

// TestVerify_truncated: no prefix of an envelope is verified, and none ends the
// process.
func TestVerify_truncated(t *testing.T) {
	t.Parallel()
	for _, format := range signtest.Formats() {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, format)
			env, doc := s.signed(), s.document()
			for n := 0; n < len(env.Bytes); n += 64 {
				got := s.verifier.Verify(t.Context(), s.of(signtest.Truncate(env, n)), doc)[0]
				if diff := cmp.Diff(verdict{false, "malformed_signature", ""}, verdictOf(got)); diff != "" {
					t.Fatalf("first %d bytes (-want +got):\n%s", n, diff)
				}
			}
		})
	}
}
