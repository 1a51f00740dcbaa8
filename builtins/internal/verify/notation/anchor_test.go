// SPDX-License-Identifier: Apache-2.0

package notation_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// keyService is a key provider that has public keys and no certificates.
type keyService struct{ public []byte }

func (keyService) Names() []string { return []string{"kms"} }

func (k keyService) Material(_, _, _ string) trust.Provided {
	return trust.Provided{Versions: []trust.Version{{Name: "v1", Raw: k.public}}}
}

func publicPEM(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func aloneWith(t *testing.T, o signtest.LeafOptions) *signtest.Signer {
	t.Helper()
	s, err := signtest.SelfSigned(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// anchoredOn is a scene whose only trust is a public key.
func anchoredOn(t *testing.T, format signtest.Format, key crypto.PublicKey) *scene {
	t.Helper()
	s := newScene(t, format)
	s.policy.stores = map[string][]any{"ca:acme": {map[string]any{"provider": "kms", "name": "release"}}}
	s.options.Providers = keyService{publicPEM(t, key)}
	return s
}

// reissued is another self-signed certificate of the same key.
func reissued(t *testing.T, s, issuer *signtest.Signer) *signtest.Signer {
	t.Helper()
	template := *s.Cert()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	parent, key := &template, s.Key
	if issuer != nil {
		parent, key = issuer.Cert(), issuer.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, s.Key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signtest.Signer{Chain: []*x509.Certificate{cert}, Key: s.Key}
}

// A key service's public key vouches for whatever certificate its owner made of
// it, and for nothing else.
func TestTrustAnchoredOnAPublicKey(t *testing.T) {
	t.Parallel()
	signer := aloneWith(t, signtest.LeafOptions{})
	rsa := aloneWith(t, signtest.LeafOptions{Key: signtest.RSA2048})
	other := aloneWith(t, signtest.LeafOptions{})
	ca := newCA(t, signtest.CAOptions{CommonName: "somebody"})
	foreign := newLeaf(t, ca, signtest.LeafOptions{})
	past := aloneWith(t, signtest.LeafOptions{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	impostor := aloneWith(t, signtest.LeafOptions{Subject: signer.Cert().Subject})
	// by signs what signer signed, and shows chain.
	resigned := func(by, chain *signtest.Signer) func(*scene) {
		return func(s *scene) {
			s.tamper = func(e signtest.Envelope) (signtest.Envelope, error) {
				return (&signtest.Signer{Chain: chain.Chain, Key: by.Key}).Resign(e, func(*signtest.Contents) {})
			}
		}
	}
	for _, tt := range []struct {
		name   string
		key    crypto.PublicKey
		signer *signtest.Signer
		change func(*scene)
		want   report.Code // "": verified
	}{
		{"the certificate", signer.Key.Public(), signer, nil, ""},
		{"another certificate of the key", signer.Key.Public(), reissued(t, signer, nil), nil, ""},
		{"RSA", rsa.Key.Public(), reissued(t, rsa, nil), nil, ""},
		{"the subject is wanted", signer.Key.Public(), signer, func(s *scene) { s.policy.identities = []string{"x509.subject: C=US, ST=WA, O=Acme, CN=release"} }, ""},
		{"wrong key", other.Key.Public(), signer, nil, report.UntrustedCertificate},
		{"wrong subject", signer.Key.Public(), signer, func(s *scene) { s.policy.identities = []string{"x509.subject: C=US, ST=WA, O=Other"} }, report.UntrustedIdentity},
		{"expired", past.Key.Public(), past, func(s *scene) { s.sign.SigningTime = past.Cert().NotBefore.Add(time.Hour) }, report.Expired},
		{"chain of two", foreign.Key.Public(), foreign, nil, report.UntrustedCertificate},
		{"not self-signed", signer.Key.Public(), signer, resigned(signer, reissued(t, signer, other)), report.UntrustedCertificate},
		{"somebody else signs with its certificate", signer.Key.Public(), signer, resigned(impostor, signer), report.InvalidSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, format := range []signtest.Format{signtest.JWS, signtest.COSE} {
				s := anchoredOn(t, format, tt.key)
				s.signer = tt.signer
				if tt.change != nil {
					tt.change(s)
				}
				got := s.verify()
				var code report.Code
				if len(got.Errors) > 0 {
					code = got.Errors[0].Code
				}
				if code != tt.want || got.Verified != (tt.want == "") {
					t.Errorf("%v: %s, verified %v: %+v", format, code, got.Verified, got.Errors)
				}
				if got.Verified && got.Trust.Store != "ca:acme" {
					t.Errorf("%v: vouched for by %q", format, got.Trust.Store)
				}
			}
		})
	}
}

// One verifier judges many signatures by one document: what vouched for one does
// not vouch for the next.
func TestAnchorIsOfOneSignature(t *testing.T) {
	t.Parallel()
	good, bad := aloneWith(t, signtest.LeafOptions{}), aloneWith(t, signtest.LeafOptions{})
	s := anchoredOn(t, signtest.JWS, good.Key.Public())
	for range 3 {
		for _, signer := range []*signtest.Signer{good, bad} {
			s.signer = signer
			if got := s.verify(); got.Verified != (signer == good) {
				t.Errorf("verified %v: %+v", got.Verified, got.Errors)
			}
		}
	}
}
