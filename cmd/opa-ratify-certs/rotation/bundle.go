// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"
)

// maxFormer bounds the former CAs of a bundle, whatever replaced them so often.
const maxFormer = 7

// parseBundle returns the certificates in PEM, without what is none.
func parseBundle(text []byte) []*x509.Certificate {
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			certificates = append(certificates, c)
		}
	}
	return certificates
}

// formatBundle writes certificates as PEM.
func formatBundle(certificates []*x509.Certificate) []byte {
	var text bytes.Buffer
	for _, c := range certificates {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes everything
	}
	return text.Bytes()
}

// withFormer adds to current the former certificates that are others and not expired.
func withFormer(current, former []*x509.Certificate, now time.Time) []*x509.Certificate {
	bundle := slices.Clone(current)
	for _, c := range former {
		if len(bundle) < len(current)+maxFormer && now.Before(c.NotAfter) && !slices.ContainsFunc(bundle, c.Equal) {
			bundle = append(bundle, c)
		}
	}
	return bundle
}

// trusts says whether a TLS client with this bundle would accept the certificate now.
func trusts(bundle, certificate []byte, now time.Time) bool {
	chain := parseBundle(certificate)
	if len(chain) == 0 {
		return false
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return err == nil
}
