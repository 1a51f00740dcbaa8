// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// CAOptions says what is different about a certificate authority.
type CAOptions struct {
	// CommonName of the root. Empty: "signtest CA".
	CommonName string
	// Organization of root and intermediates. Empty: "Acme".
	Organization string
	// Key of root and intermediates. Empty: ECP256.
	Key KeyKind
	// Intermediates is the number of CAs between the root and the leaves.
	Intermediates int
	// NotBefore and NotAfter are the validity of root and intermediates. Zero: ten
	// years ago, in ten years.
	NotBefore, NotAfter time.Time
}

// CA is a certificate authority: a root and, if asked for, intermediates.
type CA struct {
	// Cert is the root certificate, what a trust store holds.
	Cert *x509.Certificate
	// OCSP and CRL are the URLs that leaves issued from now on name. Empty: none.
	OCSP, CRL string

	chain []*x509.Certificate // issuer of leaves first, root last
	key   crypto.Signer       // of chain[0]
}

const decade = 10 * 365 * 24 * time.Hour

// NewCA makes a certificate authority.
func NewCA(o CAOptions) (*CA, error) {
	name := cmp.Or(o.CommonName, "signtest CA")
	root, key, err := newAuthority(o, name, nil, nil)
	if err != nil {
		return nil, err
	}
	ca := &CA{Cert: root, chain: []*x509.Certificate{root}, key: key}
	for i := range o.Intermediates {
		cert, key, err := newAuthority(o, fmt.Sprintf("%s intermediate %d", name, i+1), ca.chain[0], ca.key)
		if err != nil {
			return nil, err
		}
		ca.chain, ca.key = slices.Insert(ca.chain, 0, cert), key
	}
	return ca, nil
}

// PEM is the root certificate.
func (ca *CA) PEM() []byte { return certificatesPEM(ca.Cert) }

// Chain are the authority's certificates, the issuer of leaves first, the root last.
func (ca *CA) Chain() []*x509.Certificate { return slices.Clone(ca.chain) }

// newAuthority makes one CA certificate, self-signed if parent is nil.
func newAuthority(o CAOptions, name string, parent *x509.Certificate, parentKey crypto.Signer) (*x509.Certificate, crypto.Signer, error) {
	key, err := NewKey(o.Key)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{
			CommonName:   name,
			Organization: []string{cmp.Or(o.Organization, "Acme")},
			Province:     []string{"WA"},
			Country:      []string{"US"},
		},
		NotBefore:             timeOr(o.NotBefore, -decade),
		NotAfter:              timeOr(o.NotAfter, decade),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	cert, err := issue(template, parent, key.Public(), parentKey)
	return cert, key, err
}

// issue gives template a serial number and signs it.
func issue(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate %q: %w", template.Subject, err)
	}
	return x509.ParseCertificate(der)
}

// timeOr is t, or now plus offset if t is zero.
func timeOr(t time.Time, offset time.Duration) time.Time {
	if t.IsZero() {
		return time.Now().Add(offset)
	}
	return t
}
