// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/notaryproject/notation-plugin-framework-go/plugin"
)

const (
	// validity of a certificate that is made here.
	validity = 365 * 24 * time.Hour
	// renewal is how long before its end a certificate is not used any more.
	renewal = 24 * time.Hour
	// latest is the file that the vendor's guide names.
	latest = "signer.crt"
)

// chain returns the certificates of a key in DER, the signer's first: those of
// ca_certs, otherwise one of its own.
func (p *Plugin) chain(k *key, settings map[string]string) ([][]byte, error) {
	if path := settings[settingChain]; path != "" {
		return p.given(k, path)
	}
	dir := cmp.Or(settings[settingOutput], ".")
	own := filepath.Join(dir, fileName(k.id)+".crt")
	certificate, err := p.reusable(k, own)
	if err != nil {
		if certificate, err = p.issue(k); err != nil {
			return nil, err
		}
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
	for _, path := range []string{own, filepath.Join(dir, latest)} {
		if err := save(path, text); err != nil {
			return nil, fmt.Errorf("%s: %w", settingOutput, err)
		}
	}
	return [][]byte{certificate.Raw}, nil
}

// given reads the chain of a key that an authority has certified.
func (p *Plugin) given(k *key, path string) ([][]byte, error) {
	certificates, err := read(path)
	if err != nil {
		return nil, plugin.NewValidationErrorf("%s: %v", settingChain, err)
	}
	leaf := certificates[0]
	switch now := p.o.Now(); {
	case !sameKey(leaf.PublicKey, k.public):
		return nil, plugin.NewValidationErrorf("%s %q: the first certificate, %q, is not of key %q; write the signer's own certificate first, its root last", settingChain, path, leaf.Subject, k.id)
	case now.Before(leaf.NotBefore) || now.After(leaf.NotAfter):
		return nil, plugin.NewValidationErrorf("%s %q: %q is valid from %s to %s", settingChain, path, leaf.Subject, leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	var chain [][]byte
	for _, c := range certificates {
		chain = append(chain, c.Raw)
	}
	return chain, nil
}

// reusable returns the certificate that was made earlier, if it still fits.
func (p *Plugin) reusable(k *key, path string) (*x509.Certificate, error) {
	certificates, err := read(path)
	if err != nil {
		return nil, err
	}
	c, now := certificates[0], p.o.Now()
	if len(certificates) != 1 || !sameKey(c.PublicKey, k.public) || now.Before(c.NotBefore) || now.After(c.NotAfter.Add(-renewal)) ||
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
		return nil, errors.New("it does not fit any more")
	}
	return c, nil
}

// issue makes a certificate that the key signs itself, with the subject that the
// vendor's plugin uses.
//
// Spec: Notary Project, signature specification v1.1, "Certificate requirements".
func (p *Plugin) issue(k *key) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := p.o.Now().UTC().Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: serial, SignatureAlgorithm: k.kind.x509,
		Subject:   pkix.Name{CommonName: "notation", OrganizationalUnit: []string{"Ack"}, Organization: []string{"AlibabaCloud"}, Country: []string{"CN"}},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(validity),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.public, certifier{k})
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// certifier lets package x509 sign by KMS.
type certifier struct{ key *key }

// Public implements [crypto.Signer].
func (c certifier) Public() crypto.PublicKey { return c.key.public }

// Sign implements [crypto.Signer].
func (c certifier) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	return c.key.raw(context.Background(), digest) // the client has a timeout
}

// read returns the certificates of a file, PEM or DER, at least one.
func read(path string) ([]*x509.Certificate, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(raw, []byte("-----BEGIN")) {
		certificates, err := x509.ParseCertificates(raw)
		if err != nil || len(certificates) == 0 {
			return nil, fmt.Errorf("%q: neither PEM nor DER", path)
		}
		return certificates, nil
	}
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, fmt.Errorf("%q: PEM block %d is not a certificate", path, len(certificates)+1)
		}
		certificates = append(certificates, c)
	}
	if len(certificates) == 0 {
		return nil, fmt.Errorf("%q: no certificate in file", path)
	}
	return certificates, nil
}

// save writes a file so that nobody reads half of it.
func save(path string, text []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".signer-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// fileName is a key id as the name of a file: "alias/a" is not a folder.
func fileName(id string) string {
	if id != "" && id[0] != '.' && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}) {
		return id
	}
	return hex.EncodeToString([]byte(id))
}

func sameKey(a, b crypto.PublicKey) bool {
	same, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && same.Equal(b)
}

// messageOf is the text of an error without the contract's JSON around it.
func messageOf(err error) string {
	if e, ok := errors.AsType[*plugin.Error](err); ok {
		return e.Message
	}
	return err.Error()
}
