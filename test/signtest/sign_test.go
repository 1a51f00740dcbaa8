// SPDX-License-Identifier: Apache-2.0

package signtest_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func TestNotationAccepts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		ca   signtest.CAOptions
		leaf signtest.LeafOptions
		sign signtest.SignOptions
	}{
		{name: "defaults"},
		{name: "RSA", ca: signtest.CAOptions{Key: signtest.RSA2048}, leaf: signtest.LeafOptions{Key: signtest.RSA2048}},
		{name: "RSA 3072", leaf: signtest.LeafOptions{Key: signtest.RSA3072}},
		{name: "P-384", ca: signtest.CAOptions{Key: signtest.ECP384}, leaf: signtest.LeafOptions{Key: signtest.ECP384}},
		{name: "P-521", leaf: signtest.LeafOptions{Key: signtest.ECP521}},
		{name: "two intermediates", ca: signtest.CAOptions{Intermediates: 2}},
		{name: "expires tomorrow", sign: signtest.SignOptions{Expiry: 24 * time.Hour}},
		{name: "signed last month", sign: signtest.SignOptions{SigningTime: time.Now().AddDate(0, -1, 0)}},
		// The specification says to reject what is critical and unknown; notation-go
		// 1.3.2 does so only when the signature names a plugin.
		{name: "unknown critical attribute", sign: signtest.SignOptions{Attributes: []signature.Attribute{{Key: "example.unknown", Critical: true, Value: "x"}}}},
		{name: "user metadata", sign: signtest.SignOptions{UserMetadata: map[string]string{"team": "a"}}},
	}
	for _, tt := range tests {
		for _, format := range signtest.Formats() {
			t.Run(tt.name+"/"+string(format), func(t *testing.T) {
				t.Parallel()
				ca := newCA(t, tt.ca)
				signer := newLeaf(t, ca, tt.leaf)
				options := tt.sign
				options.Format = format
				env := sign(t, signer, subject("app"), options)

				accepting := trust{ca: []*x509.Certificate{ca.Cert}, identity: signer.Identity()}
				if failed, _, err := accepting.verify(t, subject("app"), env); err != nil {
					t.Errorf("%s failed: %v", failed, err)
				}
			})
		}
	}
}

func TestNotationRejects(t *testing.T) {
	t.Parallel()
	yesterday, lastWeek := time.Now().AddDate(0, 0, -1), time.Now().AddDate(0, 0, -7)
	other := subject("other")
	tests := []struct {
		name   string
		leaf   signtest.LeafOptions
		sign   signtest.SignOptions
		change func(signtest.Envelope) (signtest.Envelope, error)
		want   trustpolicy.ValidationType // "" for failures before any validation
	}{
		{name: "expired signature", sign: signtest.SignOptions{SigningTime: lastWeek, Expiry: 24 * time.Hour}, want: trustpolicy.TypeExpiry},
		{name: "expired certificate", leaf: signtest.LeafOptions{NotAfter: yesterday}, sign: signtest.SignOptions{SigningTime: lastWeek}, want: trustpolicy.TypeAuthenticTimestamp},
		{name: "wrong identity", leaf: signtest.LeafOptions{Subject: pkix.Name{CommonName: "dev", Organization: []string{"Acme"}, Province: []string{"WA"}, Country: []string{"US"}}}, want: trustpolicy.TypeAuthenticity},
		{name: "flipped payload", change: signtest.FlipPayload, want: trustpolicy.TypeIntegrity},
		{name: "flipped signature", change: signtest.FlipSignature, want: trustpolicy.TypeIntegrity},
		{name: "truncated", change: truncated, want: trustpolicy.TypeIntegrity},
		{name: "wrong payload type", sign: signtest.SignOptions{PayloadType: "application/json"}, want: trustpolicy.TypeIntegrity},
		{name: "signed for another image", sign: signtest.SignOptions{TargetOverride: &other}},
		{name: "payload without target", sign: signtest.SignOptions{Payload: []byte(`{"targetArtifact":{}}`)}},
	}
	release := signtest.LeafOptions{}
	for _, tt := range tests {
		for _, format := range signtest.Formats() {
			t.Run(tt.name+"/"+string(format), func(t *testing.T) {
				t.Parallel()
				ca := newCA(t, signtest.CAOptions{})
				options := tt.sign
				options.Format = format
				env := sign(t, newLeaf(t, ca, tt.leaf), subject("app"), options)
				if tt.change != nil {
					env = tamper(t, tt.change, env)
				}

				accepting := trust{ca: []*x509.Certificate{ca.Cert}, identity: newLeaf(t, ca, release).Identity()}
				failed, _, err := accepting.verify(t, subject("app"), env)
				if err == nil {
					t.Fatal("verified")
				}
				if failed != tt.want {
					t.Errorf("failed validation: got %q (%v), want %q", failed, err, tt.want)
				}
			})
		}
	}
}

func TestStrangersAreRejected(t *testing.T) {
	t.Parallel()
	stranger := newLeaf(t, newCA(t, signtest.CAOptions{}), signtest.LeafOptions{})
	env := sign(t, stranger, subject("app"), signtest.SignOptions{})

	accepting := trust{ca: []*x509.Certificate{newCA(t, signtest.CAOptions{}).Cert}}
	if failed, _, err := accepting.verify(t, subject("app"), env); failed != trustpolicy.TypeAuthenticity {
		t.Errorf("failed validation: got %q (%v), want authenticity", failed, err)
	}
}

func TestSelfSignedIsItsOwnRoot(t *testing.T) {
	t.Parallel()
	for _, format := range signtest.Formats() {
		signer, err := signtest.SelfSigned(signtest.LeafOptions{Key: signtest.RSA2048})
		if err != nil {
			t.Fatal(err)
		}
		env := sign(t, signer, subject("app"), signtest.SignOptions{Format: format})
		if failed, _, err := (trust{ca: signer.Chain}).verify(t, subject("app"), env); err != nil {
			t.Errorf("%s: %s failed: %v", format, failed, err)
		}
	}
}

func TestSigningAuthority(t *testing.T) {
	t.Parallel()
	ca := newCA(t, signtest.CAOptions{Intermediates: 1})
	root := []*x509.Certificate{ca.Cert}
	expired := newLeaf(t, ca, signtest.LeafOptions{NotAfter: time.Now().AddDate(0, 0, -1)})
	for _, format := range signtest.Formats() {
		env := sign(t, expired, subject("app"), signtest.SignOptions{
			Format:      format,
			Scheme:      signtest.SchemeSigningAuthority,
			SigningTime: time.Now().AddDate(0, 0, -7),
		})
		// The authority vouches for the time, so the expired certificate is good.
		if failed, _, err := (trust{signingAuthority: root}).verify(t, subject("app"), env); err != nil {
			t.Errorf("%s: %s failed: %v", format, failed, err)
		}
		if failed, _, err := (trust{ca: root}).verify(t, subject("app"), env); failed != trustpolicy.TypeAuthenticity {
			t.Errorf("%s: root of the wrong store: failed %q (%v), want authenticity", format, failed, err)
		}
	}
}

func TestUserMetadataIsSigned(t *testing.T) {
	t.Parallel()
	ca := newCA(t, signtest.CAOptions{})
	env := sign(t, newLeaf(t, ca, signtest.LeafOptions{}), subject("app"), signtest.SignOptions{UserMetadata: map[string]string{"team": "a"}})
	_, outcome, err := trust{ca: []*x509.Certificate{ca.Cert}}.verify(t, subject("app"), env)
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := outcome.UserMetadata()
	if err != nil || metadata["team"] != "a" {
		t.Errorf("user metadata: got %v, %v, want team=a", metadata, err)
	}
}

func truncated(env signtest.Envelope) (signtest.Envelope, error) {
	return signtest.Truncate(env, len(env.Bytes)/2), nil
}

func tamper(t *testing.T, change func(signtest.Envelope) (signtest.Envelope, error), env signtest.Envelope) signtest.Envelope {
	t.Helper()
	tampered, err := change(env)
	if err != nil {
		t.Fatal(err)
	}
	return tampered
}
