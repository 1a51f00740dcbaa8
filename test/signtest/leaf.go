// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"time"
)

// LeafOptions says what is different about a signing certificate.
type LeafOptions struct {
	// Subject of the certificate. Zero: CN=release,O=Acme,ST=WA,C=US. The Notary
	// Project demands country, state and organization of subjects that a trust
	// policy names.
	Subject pkix.Name
	// Key of the signer. Empty: ECP256.
	Key KeyKind
	// NotBefore and NotAfter are the validity. Zero: a year ago, in a year.
	NotBefore, NotAfter time.Time
	// ExtKeyUsage of the certificate. Nil: code signing.
	ExtKeyUsage []x509.ExtKeyUsage
	// KeyUsage of the certificate. Zero: digital signature.
	KeyUsage x509.KeyUsage
}

const year = 365 * 24 * time.Hour

// Signer is a private key with its certificate chain.
type Signer struct {
	// Chain is the signing certificate first, the root last.
	Chain []*x509.Certificate
	// Key is an *rsa.PrivateKey or an *ecdsa.PrivateKey.
	Key crypto.Signer
}

// Leaf issues a signing certificate.
func (ca *CA) Leaf(o LeafOptions) (*Signer, error) {
	return ca.leaf(o.template(), o.Key)
}

// leaf makes a key and completes, issues and chains its certificate.
func (ca *CA) leaf(template *x509.Certificate, kind KeyKind) (*Signer, error) {
	key, err := NewKey(kind)
	if err != nil {
		return nil, err
	}
	if ca.OCSP != "" {
		template.OCSPServer = []string{ca.OCSP}
	}
	if ca.CRL != "" {
		template.CRLDistributionPoints = []string{ca.CRL}
	}
	cert, err := issue(template, ca.chain[0], key.Public(), ca.key)
	if err != nil {
		return nil, err
	}
	return &Signer{Chain: append([]*x509.Certificate{cert}, ca.chain...), Key: key}, nil
}

// SelfSigned makes a signing certificate that is its own root.
func SelfSigned(o LeafOptions) (*Signer, error) {
	key, err := NewKey(o.Key)
	if err != nil {
		return nil, err
	}
	template := o.template()
	cert, err := issue(template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &Signer{Chain: []*x509.Certificate{cert}, Key: key}, nil
}

// Cert is the signing certificate.
func (s *Signer) Cert() *x509.Certificate { return s.Chain[0] }

// Identity is the signer as a trusted identity of a trust policy, "x509.subject: …".
func (s *Signer) Identity() string { return "x509.subject: " + s.Chain[0].Subject.String() }

// PEM is the certificate chain, the signing certificate first.
func (s *Signer) PEM() []byte { return certificatesPEM(s.Chain...) }

// KeyPEM is the private key (PKCS #8), for command lines that sign.
func (s *Signer) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(s.Key)
	if err != nil {
		return nil, fmt.Errorf("encode private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func (o LeafOptions) template() *x509.Certificate {
	template := &x509.Certificate{
		Subject:     o.Subject,
		NotBefore:   timeOr(o.NotBefore, -year),
		NotAfter:    timeOr(o.NotAfter, year),
		KeyUsage:    o.KeyUsage,
		ExtKeyUsage: o.ExtKeyUsage,
	}
	if len(o.Subject.ToRDNSequence()) == 0 {
		template.Subject = pkix.Name{
			CommonName:   "release",
			Organization: []string{"Acme"},
			Province:     []string{"WA"},
			Country:      []string{"US"},
		}
	}
	if o.KeyUsage == 0 {
		template.KeyUsage = x509.KeyUsageDigitalSignature
	}
	if o.ExtKeyUsage == nil {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	}
	return template
}

func certificatesPEM(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, cert := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return out
}
