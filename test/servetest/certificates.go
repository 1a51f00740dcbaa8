// SPDX-License-Identifier: Apache-2.0

package servetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Certificates are the PEM files that server and client prove themselves with.
type Certificates struct{ CA, ServerCert, ServerKey, ClientCert, ClientKey string }

// NewCertificates makes, in dir, a throw-away CA, a server certificate for loopback and a
// client certificate with both key usages, as Gatekeeper's webhook has.
func NewCertificates(dir string) (Certificates, error) {
	c := Certificates{
		CA:         filepath.Join(dir, "ca.crt"),
		ServerCert: filepath.Join(dir, "tls.crt"), ServerKey: filepath.Join(dir, "tls.key"),
		ClientCert: filepath.Join(dir, "gatekeeper.crt"), ClientKey: filepath.Join(dir, "gatekeeper.key"),
	}
	ca, err := NewAuthority("servetest CA")
	if err != nil {
		return c, err
	}
	if err := os.WriteFile(c.CA, ca.PEM(), 0o600); err != nil {
		return c, err
	}
	if err := ca.Issue(c.ServerCert, c.ServerKey, pkix.Name{CommonName: "127.0.0.1"}); err != nil {
		return c, err
	}
	return c, ca.Issue(c.ClientCert, c.ClientKey, pkix.Name{CommonName: "gatekeeper-webhook-service"})
}

// KeyPair returns what Gatekeeper presents to providers.
func (c Certificates) KeyPair() (tls.Certificate, error) {
	return tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
}

// Client returns a client that presents [Certificates.KeyPair].
func (c Certificates) Client() (*http.Client, error) {
	pair, err := c.KeyPair()
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS13},
	}}, nil
}

// Authority is a throw-away certificate authority for TLS.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes a certificate authority with a key of its own.
func NewAuthority(commonName string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert := template(pkix.Name{CommonName: commonName})
	cert.IsCA, cert.BasicConstraintsValid, cert.KeyUsage = true, true, x509.KeyUsageCertSign
	cert.Raw, err = x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	return &Authority{cert: cert, key: key}, err
}

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Issue writes a key and a certificate, for both key usages and valid for a day, that
// proves subject, 127.0.0.1 and names.
func (a *Authority) Issue(certFile, keyFile string, subject pkix.Name, names ...string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	cert := template(subject)
	cert.IPAddresses, cert.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, names
	cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := replace(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})); err != nil {
		return err
	}
	return replace(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func template(subject pkix.Name) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: subject,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

// replace writes a file that nobody ever reads half of.
func replace(name string, content []byte) error {
	if err := os.WriteFile(name+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
