// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// The structures of RFC 5652, as far as a timestamp token needs them. The client
// library has them too, but only for reading.
type (
	contentInfo struct {
		ContentType asn1.ObjectIdentifier
		Content     asn1.RawValue `asn1:"explicit,tag:0"`
	}
	signedData struct {
		Version          int
		DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
		Content          encapsulatedContent
		Certificates     asn1.RawValue `asn1:"optional,tag:0"`
		SignerInfos      []signerInfo  `asn1:"set"`
	}
	encapsulatedContent struct {
		ContentType asn1.ObjectIdentifier
		Content     []byte `asn1:"explicit,tag:0"`
	}
	signerInfo struct {
		Version            int
		Issuer             issuerAndSerial
		DigestAlgorithm    pkix.AlgorithmIdentifier
		SignedAttributes   []attribute `asn1:"set,tag:0"`
		SignatureAlgorithm pkix.AlgorithmIdentifier
		Signature          []byte
	}
	issuerAndSerial struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	attribute struct {
		Type   asn1.ObjectIdentifier
		Values []asn1.RawValue `asn1:"set"`
	}
	// signingCertificateV2 of RFC 5816, with the default hash SHA-256.
	signingCertificateV2 struct {
		Certificates []certificateID
	}
	certificateID struct {
		Hash []byte
	}
)

// signCMS signs content as CMS SignedData (DER), with the signer's certificate chain
// if withCertificates.
func signCMS(s *Signer, contentType asn1.ObjectIdentifier, content []byte, at time.Time, withCertificates bool) ([]byte, error) {
	attributes, err := signedAttributes(s, contentType, content, at)
	if err != nil {
		return nil, err
	}
	info, err := newSignerInfo(s, attributes)
	if err != nil {
		return nil, err
	}
	data := signedData{
		Version:          3,
		DigestAlgorithms: []pkix.AlgorithmIdentifier{info.DigestAlgorithm},
		Content:          encapsulatedContent{ContentType: contentType, Content: content},
		SignerInfos:      []signerInfo{info},
	}
	if withCertificates {
		data.Certificates = certificateSet(s)
	}
	signed, err := asn1.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode SignedData: %w", err)
	}
	return asn1.Marshal(contentInfo{
		ContentType: oidSignedData,
		Content:     asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: signed},
	})
}

// signedAttributes are what RFC 3161 section 2.4.2 demands, and the signing time.
func signedAttributes(s *Signer, contentType asn1.ObjectIdentifier, content []byte, at time.Time) ([]attribute, error) {
	digest := sha256.Sum256(content)
	certificate := sha256.Sum256(s.Cert().Raw)
	var attributes []attribute
	for _, a := range []struct {
		oid   asn1.ObjectIdentifier
		value any
	}{
		{oidContentType, contentType},
		{oidMessageDigest, digest[:]},
		{oidSigningTime, at.UTC()},
		{oidSigningCertificateV2, signingCertificateV2{Certificates: []certificateID{{Hash: certificate[:]}}}},
	} {
		der, err := asn1.Marshal(a.value)
		if err != nil {
			return nil, fmt.Errorf("encode signed attribute %v: %w", a.oid, err)
		}
		attributes = append(attributes, attribute{Type: a.oid, Values: []asn1.RawValue{{FullBytes: der}}})
	}
	return attributes, nil
}

// newSignerInfo signs the attributes: as SET OF, not as the [0] they are sent as
// (RFC 5652, section 5.4).
func newSignerInfo(s *Signer, attributes []attribute) (signerInfo, error) {
	encoded, err := asn1.MarshalWithParams(attributes, "set")
	if err != nil {
		return signerInfo{}, fmt.Errorf("encode signed attributes: %w", err)
	}
	digest := sha256.Sum256(encoded)
	signature, err := s.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return signerInfo{}, fmt.Errorf("sign attributes: %w", err)
	}
	algorithm := oidSHA256WithRSA
	if _, ok := s.Key.(*ecdsa.PrivateKey); ok {
		algorithm = oidECDSAWithSHA256
	}
	return signerInfo{
		Version:            1,
		Issuer:             issuerAndSerial{Issuer: asn1.RawValue{FullBytes: s.Cert().RawIssuer}, Serial: s.Cert().SerialNumber},
		DigestAlgorithm:    pkix.AlgorithmIdentifier{Algorithm: oidSHA256},
		SignedAttributes:   attributes,
		SignatureAlgorithm: pkix.AlgorithmIdentifier{Algorithm: algorithm},
		Signature:          signature,
	}, nil
}

func certificateSet(s *Signer) asn1.RawValue {
	var raw [][]byte
	for _, cert := range s.Chain {
		raw = append(raw, cert.Raw)
	}
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: slices.Concat(raw...)}
}
