// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

const decade = 10 * 365 * 24 * time.Hour

// authority is a root certificate with one intermediate below it, valid for ten years
// before and after it was made.
type authority struct {
	chain []*x509.Certificate // issuer of leaves first, root last
	key   crypto.Signer       // of chain[0]
}

// newAuthority makes an intermediate for usage below parent, or below a root of its own
// if parent is nil.
func newAuthority(name string, now time.Time, parent *authority, usage ...x509.ExtKeyUsage) (*authority, error) {
	key, err := signtest.NewKey(signtest.ECP256)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name, Organization: []string{"signtest"}},
		NotBefore:             now.Add(-decade),
		NotAfter:              now.Add(decade),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:           usage,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if len(usage) == 0 {
		self := &authority{chain: []*x509.Certificate{template}, key: key}
		cert, err := self.issue(template, key.Public())
		return &authority{chain: []*x509.Certificate{cert}, key: key}, err
	}
	if parent == nil {
		if parent, err = newAuthority(name+" root", now, nil); err != nil {
			return nil, err
		}
	}
	cert, err := parent.issue(template, key.Public())
	if err != nil {
		return nil, err
	}
	return &authority{chain: slices.Insert(slices.Clone(parent.chain), 0, cert), key: key}, nil
}

// issue signs the certificate that template describes; it gets a serial number if it
// has none.
func (a *authority) issue(template *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	if template.SerialNumber == nil {
		serial, err := newSerial()
		if err != nil {
			return nil, err
		}
		template.SerialNumber = serial
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.chain[0], public, a.key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate for %q: %w", template.Subject, err)
	}
	return x509.ParseCertificate(der)
}

func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	return serial, nil
}
