// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	"github.com/google/certificate-transparency-go/x509util"
)

// sctList is the extension with the promise of the instance's certificate transparency
// log to log the certificate that ca will issue for template.
//
// Spec: RFC 6962, sections 3.2 and 3.3.
func (i *Instance) sctList(ca *authority, template x509.Certificate, public crypto.PublicKey, at time.Time) (pkix.Extension, error) {
	poison := pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 3}, Critical: true, Value: asn1.NullBytes}
	template.ExtraExtensions = append(slices.Clone(template.ExtraExtensions), poison)
	precertificate, err := ca.issue(&template, public)
	if err != nil {
		return pkix.Extension{}, err
	}
	sct, err := i.promise([]*x509.Certificate{precertificate, ca.chain[0]}, at)
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("sign certificate timestamp: %w", err)
	}
	return encodeSCTs(sct)
}

// promise signs a certificate timestamp for a precertificate and its issuer.
func (i *Instance) promise(certs []*x509.Certificate, at time.Time) (*ct.SignedCertificateTimestamp, error) {
	var chain []*ctx509.Certificate
	for _, cert := range certs {
		parsed, err := ctx509.ParseCertificate(cert.Raw)
		if ctx509.IsFatal(err) {
			return nil, err
		}
		chain = append(chain, parsed)
	}
	millis := uint64(at.UnixMilli())
	leaf, err := ct.MerkleTreeLeafFromChain(chain, ct.PrecertLogEntryType, millis)
	if err != nil {
		return nil, err
	}
	sct := &ct.SignedCertificateTimestamp{
		SCTVersion: ct.V1,
		LogID:      ct.LogID{KeyID: [sha256.Size]byte(i.ctLog.id)},
		Timestamp:  millis,
	}
	input, err := ct.SerializeSCTSignatureInput(*sct, ct.LogEntry{Leaf: *leaf})
	if err != nil {
		return nil, err
	}
	sig, err := i.ctLog.key.sign(input)
	sct.Signature = ct.DigitallySigned{
		Algorithm: tls.SignatureAndHashAlgorithm{Hash: tls.SHA256, Signature: tls.ECDSA},
		Signature: sig,
	}
	return sct, err
}

func encodeSCTs(scts ...*ct.SignedCertificateTimestamp) (pkix.Extension, error) {
	list, err := x509util.MarshalSCTsIntoSCTList(scts)
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("encode certificate timestamps: %w", err)
	}
	serialized, err := tls.Marshal(*list)
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("encode certificate timestamps: %w", err)
	}
	value, err := asn1.Marshal(serialized)
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("encode certificate timestamps: %w", err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value}, nil
}
