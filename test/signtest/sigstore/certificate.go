// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
)

const (
	defaultIdentity = "release@acme.example"
	defaultIssuer   = "https://accounts.acme.example"
)

// CertificateOptions says what is different about a signing certificate.
type CertificateOptions struct {
	// Identity is the subject alternative name: a URI if it has "://", otherwise an
	// email address. Empty: "release@acme.example".
	Identity string
	// Issuer of the token that proved Identity. Empty: "https://accounts.acme.example".
	Issuer string
	// Claims are further extensions of the certificate; Issuer is taken from above.
	Claims certificate.Extensions
	// Key of the signer. Zero: ECP256 with SHA-256.
	Key KeyOptions
	// NotBefore is when the certificate begins. Zero: now.
	NotBefore time.Time
	// Lifetime of the certificate. Zero: ten minutes.
	Lifetime time.Duration
	// NoSCT leaves out the signed certificate timestamp.
	NoSCT bool
	// SCTBy is the instance whose certificate transparency log signs. Nil: the issuer.
	SCTBy *Instance
}

// Certify makes a key and has the instance's certificate authority certify it.
func (i *Instance) Certify(o CertificateOptions) (*Signer, error) {
	signer, err := NewKey(o.Key)
	if err != nil {
		return nil, err
	}
	if signer.Chain, err = i.chain(o, signer.Key.Public()); err != nil {
		return nil, err
	}
	signer.instance = i
	return signer, nil
}

// chain certifies a key: the certificate first, the root last.
func (i *Instance) chain(o CertificateOptions, public crypto.PublicKey) ([]*x509.Certificate, error) {
	template, err := o.template(i.now())
	if err != nil {
		return nil, err
	}
	if !o.NoSCT {
		by := cmp.Or(o.SCTBy, i)
		list, err := by.sctList(i.fulcio, *template, public, i.now())
		if err != nil {
			return nil, err
		}
		template.ExtraExtensions = append(template.ExtraExtensions, list)
	}
	cert, err := i.fulcio.issue(template, public)
	if err != nil {
		return nil, err
	}
	return slices.Insert(slices.Clone(i.fulcio.chain), 0, cert), nil
}

func (o CertificateOptions) template(now time.Time) (*x509.Certificate, error) {
	extensions, err := o.extensions()
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	begin := timeOr(o.NotBefore, now)
	template := &x509.Certificate{
		SerialNumber:    serial,
		NotBefore:       begin,
		NotAfter:        begin.Add(cmp.Or(o.Lifetime, 10*time.Minute)),
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtKeyUsage:     []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: extensions,
	}
	identity := cmp.Or(o.Identity, defaultIdentity)
	if !strings.Contains(identity, "://") {
		template.EmailAddresses = []string{identity}
		return template, nil
	}
	uri, err := url.Parse(identity)
	if err != nil {
		return nil, fmt.Errorf("certify identity: %w", err)
	}
	template.URIs = []*url.URL{uri}
	return template, nil
}
