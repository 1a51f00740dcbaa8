// SPDX-License-Identifier: Apache-2.0

package azurekeyvault

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// The content types of a certificate's secret.
const (
	typePEM    = "application/x-pem-file"
	typePKCS12 = "application/x-pkcs12"
)

// parseChain returns the certificates of a secret as PEM, and nothing else that it
// holds. No error quotes the secret.
func parseChain(contentType, value string) ([]byte, error) {
	var chain []*x509.Certificate
	var err error
	switch strings.TrimSpace(strings.ToLower(contentType)) {
	case typePEM:
		chain, err = fromPEM([]byte(value))
	case typePKCS12:
		var raw []byte
		if raw, err = base64.StdEncoding.DecodeString(strings.TrimSpace(value)); err != nil {
			return nil, errors.New("the PKCS#12 content is not base64")
		}
		chain, err = fromPKCS12(raw)
	default:
		return nil, fmt.Errorf("the content type is %q; that of a certificate is %s or %s", contentType, typePEM, typePKCS12)
	}
	if err != nil {
		return nil, err
	}
	if len(chain) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	var b bytes.Buffer
	for _, c := range chain {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes everything
	}
	return b.Bytes(), nil
}

func fromPEM(raw []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue // the private key, if it is exportable
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read: %w", len(chain)+1, err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}
