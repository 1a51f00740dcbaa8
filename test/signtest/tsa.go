// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/notaryproject/tspclient-go"
)

// TSAOptions says what is different about a timestamping authority.
type TSAOptions struct {
	// CA issues the certificate of the TSA. Nil: one of its own.
	CA *CA
	// Key of the TSA. Empty: ECP256.
	Key KeyKind
	// NotBefore and NotAfter are the validity of its certificate. Zero: ten years
	// ago, in ten years.
	NotBefore, NotAfter time.Time
	// CodeSigning gives the TSA a certificate for code signing in place of one for
	// timestamps; [TSA.Countersign] with it makes a timestamp to be rejected.
	CodeSigning bool
	// Now is the time it certifies. Nil: [time.Now].
	Now func() time.Time
	// Accuracy of that time, in whole seconds. Zero: one second.
	Accuracy time.Duration
}

// TSA is a timestamping authority that serves HTTP on loopback.
//
// Spec: RFC 3161, section 3.4.
type TSA struct {
	// URL takes time-stamp queries by POST.
	URL string
	// CA is what a trust store of type tsa holds.
	CA *CA
	// Signer is the TSA's certificate and key.
	Signer *Signer

	options  TSAOptions
	requests atomic.Int64
	server   *server
}

// NewTSA starts a timestamping authority. The caller closes it.
func NewTSA(o TSAOptions) (*TSA, error) {
	if o.CA == nil {
		ca, err := NewCA(CAOptions{CommonName: "signtest TSA CA"})
		if err != nil {
			return nil, err
		}
		o.CA = ca
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Accuracy == 0 {
		o.Accuracy = time.Second
	}
	signer, err := o.signer()
	if err != nil {
		return nil, err
	}
	t := &TSA{CA: o.CA, Signer: signer, options: o}
	if t.server, err = startServer(t); err != nil {
		return nil, err
	}
	t.URL = t.server.url
	return t, nil
}

// StartTSA is [NewTSA] for tests: it fails tb on error and closes the TSA when tb ends.
func StartTSA(tb testing.TB, o TSAOptions) *TSA {
	tb.Helper()
	t, err := NewTSA(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(t.Close)
	return t
}

// Close ends the server.
func (t *TSA) Close() { t.server.close() }

// Requests is the number of queries that arrived.
func (t *TSA) Requests() int { return int(t.requests.Load()) }

// maxQueryBytes is far above the size of a query, some hundred bytes.
const maxQueryBytes = 64 << 10

// ServeHTTP answers one time-stamp query.
func (t *TSA) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	t.requests.Add(1)
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxQueryBytes))
	if err != nil {
		http.Error(w, "unreadable query", http.StatusBadRequest)
		return
	}
	var query tspclient.Request
	if query.UnmarshalBinary(body) != nil || query.Validate() != nil {
		http.Error(w, "malformed query", http.StatusBadRequest)
		return
	}
	token, err := t.token(&query)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	response, err := (&tspclient.Response{TimestampToken: asn1.RawValue{FullBytes: token}}).MarshalBinary()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", tspclient.MediaTypeTimestampReply)
	_, _ = w.Write(response) // a client that is gone needs no answer
}

// token is the signed TSTInfo (CMS, DER) that answers query.
func (t *TSA) token(query *tspclient.Request) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	now := t.options.Now().UTC().Truncate(time.Second)
	info, err := asn1.Marshal(tspclient.TSTInfo{
		Version:        1,
		Policy:         asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 13762, 3}, // any policy will do
		MessageImprint: query.MessageImprint,
		SerialNumber:   serial,
		GenTime:        now,
		Accuracy:       tspclient.Accuracy{Seconds: int(t.options.Accuracy / time.Second)},
		Nonce:          query.Nonce,
	})
	if err != nil {
		return nil, fmt.Errorf("encode TSTInfo: %w", err)
	}
	return signCMS(t.Signer, oidTSTInfo, info, now, query.CertReq)
}

// signer issues the certificate of the TSA.
func (o TSAOptions) signer() (*Signer, error) {
	if o.CodeSigning {
		return o.CA.Leaf(LeafOptions{Key: o.Key, NotBefore: o.NotBefore, NotAfter: o.NotAfter})
	}
	usage, err := criticalTimestamping()
	if err != nil {
		return nil, err
	}
	return o.CA.leaf(&x509.Certificate{
		Subject: pkix.Name{
			CommonName:   "signtest TSA",
			Organization: []string{"Acme"},
			Province:     []string{"WA"},
			Country:      []string{"US"},
		},
		NotBefore:       timeOr(o.NotBefore, -decade),
		NotAfter:        timeOr(o.NotAfter, decade),
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{usage},
	}, o.Key)
}

// criticalTimestamping is the extended key usage that RFC 3161 section 2.3 demands of
// TSAs; crypto/x509 marks extended key usages as not critical.
func criticalTimestamping() (pkix.Extension, error) {
	value, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("encode extended key usage: %w", err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: value}, nil
}
