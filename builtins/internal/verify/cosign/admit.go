// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"

	"github.com/digitorus/pkcs7"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// Bounds on what strangers may put before the parsers and the cryptography.
const (
	// maxSignature bounds a layer that is a signature, in bytes. A bundle with
	// certificate, log entry with proof, and timestamp has about 12 KiB.
	maxSignature = 1 << 20
	// maxAttestation bounds a layer that is an attestation, in bytes; an SBOM of
	// a large image has some MiB.
	maxAttestation = 16 << 20
	// maxSimpleSigning bounds a simple signing payload in bytes; without
	// annotations it has 250.
	maxSimpleSigning = 64 << 10
	// maxAnnotation bounds one annotation of a layer in bytes.
	maxAnnotation = 256 << 10
	// maxLayers bounds the layers of a manifest. Each signing of an image by
	// cosign appends one to its .sig tag.
	maxLayers = 64
	// maxDepth and maxValues bound JSON before it is parsed.
	maxDepth  = 64
	maxValues = 1 << 20
	// maxChain bounds the certificates of one bundle (threat: CVE-2026-32280).
	maxChain = 10
	// maxEntries bounds the log entries and the timestamps of one bundle.
	maxEntries = 8
	// maxBody bounds the body of a log entry in bytes; they have about 3 KiB.
	maxBody = 256 << 10
	// maxToken bounds a timestamp in bytes; they have about 6 KiB.
	maxToken = 64 << 10
	// maxModulus bounds RSA keys in bits: checking one signature by a key of
	// half a million bits takes seconds that nothing can interrupt. The bound is
	// that of crypto/tls.
	maxModulus = 8192
)

// admitJSON refuses what should not reach a parser.
func admitJSON(raw []byte, maxBytes int) *report.Error {
	if len(raw) == 0 {
		return finding(report.EmptySignature, "the envelope is empty")
	}
	if len(raw) > maxBytes {
		return overLimit(report.TooLarge, "the envelope has %d bytes; at most %d are read", len(raw), maxBytes)
	}
	return admitShape(raw, "envelope")
}

func admitShape(raw []byte, what string) *report.Error {
	depth, values := extent(raw)
	switch {
	case depth > maxDepth:
		return malformed("the %s is nested %d levels deep; at most %d are read", what, depth, maxDepth)
	case values > maxValues:
		return overLimit(report.TooLarge, "the %s has %d values; at most %d are read", what, values, maxValues)
	}
	return nil
}

// admitMaterial bounds what comes with a signature. Log entries are checked when
// they are wanted.
func admitMaterial(b *protobundle.Bundle) *report.Error {
	m := b.GetVerificationMaterial()
	if n := len(m.GetX509CertificateChain().GetCertificates()); n > maxChain {
		return overLimit(report.TooMany, "the Sigstore bundle has %d certificates; at most %d are allowed", n, maxChain)
	}
	tokens := m.GetTimestampVerificationData().GetRfc3161Timestamps()
	if len(tokens) > maxEntries {
		return overLimit(report.TooMany, "the Sigstore bundle has %d signed timestamps; at most %d are allowed", len(tokens), maxEntries)
	}
	for _, t := range tokens {
		if n := len(t.GetSignedTimestamp()); n > maxToken {
			return overLimit(report.TooLarge, "a signed timestamp has %d bytes; at most %d are read", n, maxToken)
		}
	}
	if e := b.GetDsseEnvelope(); e != nil && len(e.GetSignatures()) != 1 {
		return malformed("the DSSE envelope has %d signatures; a Sigstore bundle has exactly one", len(e.GetSignatures()))
	}
	return nil
}

// admitKey refuses a certificate whose key would cost too much.
func admitKey(c *x509.Certificate) *report.Error {
	if c != nil && modulus(c.PublicKey) > maxModulus {
		return finding(report.UnsupportedFormat, "the certificate has an RSA key of %d bits; at most %d are supported", modulus(c.PublicKey), maxModulus)
	}
	return nil
}

func modulus(public any) int {
	if k, ok := public.(*rsa.PublicKey); ok && k != nil {
		return k.N.BitLen()
	}
	return 0
}

// admitToken refuses a timestamp whose certificates would cost too much: the
// parser checks the signature by the token's own certificate first.
func admitToken(der []byte) bool {
	p7, err := parseToken(der)
	if err != nil {
		return true // the library says what is wrong with it
	}
	for _, c := range p7.Certificates {
		if modulus(c.PublicKey) > maxModulus {
			return false
		}
	}
	return true
}

// parseToken finds the PKCS #7 message in a timestamp response.
//
// Spec: RFC 3161, 2.4.2: status, then the token.
func parseToken(der []byte) (*pkcs7.PKCS7, error) {
	token, err := tokenOf(der)
	if err != nil {
		return nil, err
	}
	return guarded(func() (*pkcs7.PKCS7, error) { return pkcs7.Parse(token) })
}

// admitBody refuses a log entry whose keys would cost too much: its parser may
// check a signature by them. Every string that decodes to a key is looked at,
// wherever it stands.
func admitBody(body []byte) bool {
	v, err := decodeObject(body)
	return err == nil && admitKeys(v)
}

func admitKeys(v any) bool {
	switch t := v.(type) {
	case map[string]any:
		for _, member := range t {
			if !admitKeys(member) {
				return false
			}
		}
	case []any:
		for _, element := range t {
			if !admitKeys(element) {
				return false
			}
		}
	case string:
		return admitEncoded(t)
	}
	return true
}

func admitEncoded(s string) bool {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		raw = []byte(s)
	}
	if modulus(publicKeyOf(raw)) > maxModulus {
		return false
	}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if modulus(publicKeyOf(block.Bytes)) > maxModulus {
			return false
		}
	}
	return true
}

// publicKeyOf returns the key in a certificate or a key in DER, nil for anything
// else.
func publicKeyOf(der []byte) any {
	if c, err := x509.ParseCertificate(der); err == nil {
		return c.PublicKey
	}
	if k, err := x509.ParsePKIXPublicKey(der); err == nil {
		return k
	}
	if k, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return k
	}
	return nil
}
