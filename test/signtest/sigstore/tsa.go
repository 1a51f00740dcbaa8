// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// TSA is a timestamping authority. It may be used concurrently.
//
// Spec: RFC 3161.
type TSA struct {
	ca   *authority
	leaf *x509.Certificate
	key  crypto.Signer
	now  func() time.Time
}

func newTSA(clock func() time.Time) (*TSA, error) {
	now := clock()
	ca, err := newAuthority("signtest TSA", now, nil, x509.ExtKeyUsageTimeStamping)
	if err != nil {
		return nil, err
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return nil, fmt.Errorf("encode extended key usage: %w", err)
	}
	key, err := signtest.NewKey(signtest.ECP256)
	if err != nil {
		return nil, err
	}
	leaf, err := ca.issue(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "signtest TSA", Organization: []string{"Acme"}},
		NotBefore: now.Add(-decade),
		NotAfter:  now.Add(decade),
		KeyUsage:  x509.KeyUsageDigitalSignature,
		// RFC 3161, section 2.3: the extension must be critical, which crypto/x509
		// does not make it.
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}, key.Public())
	if err != nil {
		return nil, err
	}
	return &TSA{ca: ca, leaf: leaf, key: key, now: clock}, nil
}

// countersign is a time-stamp response (DER) for data, of the present if at is zero.
func (t *TSA) countersign(data []byte, at time.Time) ([]byte, error) {
	sum := sha256.Sum256(data)
	return t.respond(crypto.SHA256, sum[:], nil, timeOr(at, t.now()))
}

// respond is a time-stamp response (DER) for a digest.
func (t *TSA) respond(hash crypto.Hash, digest []byte, nonce *big.Int, at time.Time) ([]byte, error) {
	stamp := timestamp.Timestamp{
		HashAlgorithm:     hash,
		HashedMessage:     digest,
		Nonce:             nonce,
		Time:              at.UTC().Truncate(time.Second),
		Policy:            asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2},
		AddTSACertificate: true,
	}
	response, err := stamp.CreateResponseWithOpts(t.leaf, t.key, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("timestamp: %w", err)
	}
	return response, nil
}

// trusted is the authority as a trusted root holds it.
func (t *TSA) trusted(from, until time.Time) root.TimestampingAuthority {
	return &root.SigstoreTimestampingAuthority{
		URI:                 "https://tsa.signtest.example",
		Leaf:                t.leaf,
		Intermediates:       t.ca.chain[:len(t.ca.chain)-1],
		Root:                t.ca.chain[len(t.ca.chain)-1],
		ValidityPeriodStart: from,
		ValidityPeriodEnd:   until,
	}
}
