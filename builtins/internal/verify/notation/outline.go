// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/tspclient-go"
	"github.com/veraison/go-cose"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

const (
	// maxEnvelope bounds an envelope in bytes. A chain of ten RSA-4096
	// certificates and a timestamp with its own chain have less than 64 KiB.
	maxEnvelope = 1 << 20
	// maxChain bounds the certificates of one envelope: building and checking
	// chains is what an attacker can make expensive (threat: CVE-2026-32280).
	maxChain = 10
	// maxToken bounds a timestamp token in bytes; they have about 6 KiB.
	maxToken = 64 << 10
	// maxModulus bounds RSA keys in bits. Checking one signature by a key of half
	// a million bits takes 9 s, and nothing can interrupt it. The bound is that of
	// crypto/tls; the Notary Project itself allows up to 4096 for signers.
	maxModulus = 8192
)

// outline is what an envelope holds besides its payload, not verified.
type outline struct {
	chain [][]byte // certificates in DER, leaf first
	token []byte   // signed timestamp, nil for none
}

// admit refuses what should not reach the cryptography behind it: too many
// bytes, too many certificates, keys too large. It checks no signature.
func admit(mediaType string, envelope []byte) *report.Error {
	if len(envelope) == 0 {
		return malformed("the envelope is empty")
	}
	if len(envelope) > maxEnvelope {
		return overLimit(report.TooLarge, "the envelope has %d bytes; at most %d are read", len(envelope), maxEnvelope)
	}
	o, err := readOutline(mediaType, envelope)
	switch {
	case err != nil:
		return malformed("the envelope is not %s: %s", mediaType, report.OneLine(err.Error()))
	case len(o.chain) == 0:
		return malformed("the envelope has no certificate chain")
	case len(o.chain) > maxChain:
		return overLimit(report.TooMany, "the envelope has %d certificates; at most %d are allowed", len(o.chain), maxChain)
	case len(o.token) > maxToken:
		return overLimit(report.TooLarge, "the signed timestamp has %d bytes; at most %d are read", len(o.token), maxToken)
	}
	chain, refused := o.certificates()
	if refused != nil {
		return refused
	}
	if _, err := signature.ExtractKeySpec(chain[0]); err != nil {
		return finding(report.UnsupportedFormat, "the signer's key: %s; the Notary Project allows RSA of 2048, 3072, 4096 and EC of 256, 384, 521 bits", report.OneLine(err.Error()))
	}
	return admitKeys(append(chain, o.timestampCertificates()...))
}

// overLimit: evidence that is too much to look at was not seen.
func overLimit(code report.Code, format string, args ...any) *report.Error {
	e := finding(code, format, args...)
	e.Unseen = true
	return e
}

func admitKeys(certificates []*x509.Certificate) *report.Error {
	for _, c := range certificates {
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxModulus {
			return finding(report.UnsupportedFormat, "the certificate %q has an RSA key of %d bits; at most %d are supported", nameOf(c), key.N.BitLen(), maxModulus)
		}
	}
	return nil
}

func (o outline) certificates() ([]*x509.Certificate, *report.Error) {
	chain := make([]*x509.Certificate, len(o.chain))
	for i, der := range o.chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, malformed("certificate %d of the chain cannot be read: %s", i+1, report.OneLine(err.Error()))
		}
		chain[i] = c
	}
	return chain, nil
}

// timestampCertificates returns the certificates inside the timestamp. What is
// wrong with a token is said when it is verified.
func (o outline) timestampCertificates() []*x509.Certificate {
	if len(o.token) == 0 {
		return nil
	}
	token, err := tspclient.ParseSignedToken(o.token)
	if err != nil {
		return nil
	}
	return token.Certificates
}

func readOutline(mediaType string, envelope []byte) (outline, error) {
	switch mediaType {
	case MediaTypeJWS:
		return readJWS(envelope)
	case MediaTypeCOSE:
		return readCOSE(envelope)
	}
	return outline{}, &signature.UnsupportedSignatureFormatError{MediaType: mediaType}
}

// readJWS decodes with the names and types of notation-core-go, so that both see
// the same header.
func readJWS(envelope []byte) (outline, error) {
	var e struct {
		Header struct {
			TimestampSignature []byte   `json:"io.cncf.notary.timestampSignature,omitempty"`
			CertChain          [][]byte `json:"x5c"`
		} `json:"header"`
	}
	err := json.Unmarshal(envelope, &e)
	return outline{chain: e.Header.CertChain, token: e.Header.TimestampSignature}, err
}

func readCOSE(envelope []byte) (outline, error) {
	var message cose.Sign1Message
	if err := message.UnmarshalCBOR(envelope); err != nil {
		return outline{}, err
	}
	var o outline
	o.token, _ = message.Headers.Unprotected["io.cncf.notary.timestampSignature"].([]byte)
	list, _ := message.Headers.Unprotected[cose.HeaderLabelX5Chain].([]any)
	for _, element := range list {
		der, ok := element.([]byte)
		if !ok {
			return outline{}, errors.New("a certificate of the chain is not a byte string")
		}
		o.chain = append(o.chain, der)
	}
	return o, nil
}
