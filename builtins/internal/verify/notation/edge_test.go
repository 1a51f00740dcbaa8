// SPDX-License-Identifier: Apache-2.0

package notation_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// TestVerify_malformed has envelopes that no signing library makes.
func TestVerify_malformed(t *testing.T) {
	t.Parallel()
	edit := func(change func(*signtest.Contents)) func(*scene) {
		return func(s *scene) { s.tamper = resign(s, change) }
	}
	tests := []struct {
		name   string
		change func(*scene)
		want   verdict
		says   string
	}{
		{name: "expiry is not critical", change: edit(func(c *signtest.Contents) {
			c.Protected["io.cncf.notary.expiry"] = c.Protected["io.cncf.notary.signingTime"]
		}), want: verdict{false, "malformed_signature", "fsssss"}, says: "critical"},
		{name: "signing scheme is unknown", change: edit(func(c *signtest.Contents) { c.Protected["io.cncf.notary.signingScheme"] = "example" }), want: verdict{false, "malformed_signature", "fsssss"}, says: "example"},
		{name: "certificate is no certificate", change: edit(func(c *signtest.Contents) { c.Chain[1] = []byte("x") }), want: verdict{false, "malformed_signature", ""}, says: "certificate 2"},
		{name: "no chain", change: edit(func(c *signtest.Contents) { c.Chain = nil }), want: verdict{false, "malformed_signature", ""}, says: "no certificate chain"},
		{name: "key of a kind that is not allowed", change: func(s *scene) { s.tamper = resign(s, func(c *signtest.Contents) { c.Chain[0] = edwards(s) }) }, want: verdict{false, "unsupported_format", ""}, says: "the signer's key"},
		{name: "media type is unknown", change: func(s *scene) {
			s.evidence = func(e *verify.Evidence) { e.Manifest.Layers[0].MediaType = "application/json" }
		}, want: verdict{false, "malformed_signature", ""}, says: "application/json"},
		{name: "manifest without subject", change: func(s *scene) { s.evidence = func(e *verify.Evidence) { e.Manifest.Subject = nil } }, want: verdict{false, "malformed_signature", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, format := range signtest.Formats() {
				s := newScene(t, format)
				tt.change(s)
				got := s.verify()
				if diff := cmp.Diff(tt.want, verdictOf(got)); diff != "" {
					t.Errorf("%s: verdict (-want +got):\n%s\n%s", format, diff, messages(got))
				}
				if !strings.Contains(messages(got), tt.says) {
					t.Errorf("%s: messages = %q, want %q in them", format, messages(got), tt.says)
				}
			}
		})
	}
}

func edwards(s *scene) []byte {
	s.t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(day)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		s.t.Fatal(err)
	}
	return der
}

// TestVerify_panic: a panic anywhere is a finding.
func TestVerify_panic(t *testing.T) {
	t.Parallel()
	s := newScene(t, signtest.JWS)
	s.verifier = notation.New(notation.Options{Now: func() time.Time { panic("clock") }})
	if diff := cmp.Diff(verdict{false, "internal", ""}, verdictOf(s.verify())); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
}

// TestVerify_messages: what strangers wrote fits on one line of bounded length.
func TestVerify_messages(t *testing.T) {
	t.Parallel()
	s := newScene(t, signtest.JWS)
	long := strings.Repeat("long ", 2000)
	s.leaf.Subject = pkix.Name{CommonName: "a\nb\x1b[31m", Organization: []string{long}, Province: []string{"WA"}, Country: []string{"US"}}
	s.sign.UserMetadata = map[string]string{"team": long + "\n"}
	s.policy.identities = []string{"x509.subject: C=US, ST=WA, O=Acme"}
	s.evidence = func(e *verify.Evidence) { e.Annotations = map[string]string{"team": "a"} }
	for _, e := range s.verify().Errors {
		if strings.ContainsAny(e.Message, "\n\x1b") || len(e.Message) > 2048 {
			t.Errorf("%s: message of %d bytes: %q", e.Code, len(e.Message), e.Message)
		}
	}
}

// TestVerify_gaveUp: a caller without time gets no verdict on the timestamp.
func TestVerify_gaveUp(t *testing.T) {
	t.Parallel()
	s := newScene(t, signtest.JWS)
	_, responder := authority(s)
	responder.SetMode(signtest.RevocationSlow)
	evidence, doc := s.of(s.signed()), s.document()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := s.verifier.Verify(ctx, evidence, doc)[0]
	if diff := cmp.Diff(verdict{false, "revocation_unknown?", "ppppfs"}, verdictOf(got)); diff != "" {
		t.Errorf("verdict (-want +got):\n%s\n%s", diff, messages(got))
	}
}

// TestVerify_notationDirectory judges by the configuration of the notation
// command line, in which stores may be missing.
func TestVerify_notationDirectory(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		stores  []string // that the policy names
		present []string // that have the CA's certificate
		applies report.Code
		want    verdict
	}{
		{name: "all there", stores: []string{"ca:acme"}, present: []string{"ca/acme"}, want: verdict{true, "", allPassed}},
		{name: "none there", stores: []string{"ca:acme"}, applies: report.NoTrustMaterial, want: verdict{false, "no_trust_material", ""}},
		{name: "one of two there", stores: []string{"ca:acme", "ca:other"}, present: []string{"ca/acme"}, want: verdict{false, "no_trust_material", "pfssss"}},
		{name: "no tsa store", stores: []string{"ca:acme", "tsa:clock"}, present: []string{"ca/acme"}, want: verdict{false, "no_trust_material", "ppppfs"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, signtest.JWS)
			withTSA(s, signtest.TSAOptions{})
			doc := s.directory(tt.stores, tt.present)
			evidence := s.of(s.signed())
			var code report.Code
			if e := s.verifier.Applies(evidence.Subject, doc); e != nil {
				code = e.Code
			}
			if code != tt.applies {
				t.Errorf("Applies = %q, want %q", code, tt.applies)
			}
			got := s.verifier.Verify(t.Context(), evidence, doc)[0]
			if diff := cmp.Diff(tt.want, verdictOf(got)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s\n%s", diff, messages(got))
			}
		})
	}
}

// directory writes a configuration of the notation command line and reads it.
func (s *scene) directory(stores, present []string) *trust.Document {
	s.t.Helper()
	directory := s.t.TempDir()
	policy, err := json.Marshal(map[string]any{"version": "1.0", "trustPolicies": []any{map[string]any{
		"name": "release", "registryScopes": []string{"*"}, "signatureVerification": map[string]any{"level": "strict"},
		"trustStores": stores, "trustedIdentities": []string{"*"},
	}}})
	if err != nil {
		s.t.Fatal(err)
	}
	files := map[string][]byte{"trustpolicy.json": policy}
	for _, store := range present {
		files[filepath.Join("truststore", "x509", filepath.FromSlash(store), "ca.crt")] = s.ca.PEM()
	}
	for name, content := range files {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	doc, err := trust.FromNotation(directory, trust.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	return doc
}

// TestVerify_documentsApart: one verifier keeps what it compiled for different
// trust documents apart, though their statements have one name.
func TestVerify_documentsApart(t *testing.T) {
	t.Parallel()
	verifier := notation.New(notation.Options{RevocationClient: http.DefaultClient})
	scenes := []*scene{newScene(t, signtest.JWS), newScene(t, signtest.JWS)}
	var got []bool
	for _, signed := range scenes {
		evidence := signed.of(signed.signed())
		for _, trusting := range scenes {
			got = append(got, verifier.Verify(t.Context(), evidence, trusting.document())[0].Verified)
		}
	}
	if want := []bool{true, false, false, true}; !slices.Equal(got, want) {
		t.Errorf("verified = %v, want %v", got, want)
	}
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	v := notation.New(notation.Options{})
	got := []any{v.Format(), v.ArtifactTypes(), v.Accepts(newScene(t, signtest.JWS).document())}
	if diff := cmp.Diff([]any{"notation", []string{"application/vnd.cncf.notary.signature"}, true}, got); diff != "" {
		t.Errorf("format, artifact types, accepts (-want +got):\n%s", diff)
	}
}
