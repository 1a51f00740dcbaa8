// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"crypto/x509"
	"encoding/json"
	"errors"

	"github.com/notaryproject/notation-core-go/signature"
	corex509 "github.com/notaryproject/notation-core-go/x509"
	"github.com/veraison/go-cose"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// maxEnvelope bounds an envelope in bytes. A chain of ten RSA-4096 certificates
// and a timestamp with its own chain have less than 64 KiB.
const maxEnvelope = 1 << 20

// maxChain bounds the certificates of one envelope: building and checking chains
// is what an attacker can make expensive (threat: CVE-2026-32280).
const maxChain = 10

// admit refuses what should not reach the parsers behind it: too many bytes or
// too many certificates. It reads the outermost structure only, no certificate
// and no signature.
func admit(mediaType string, envelope []byte) *report.Error {
	if len(envelope) == 0 {
		return malformed("the envelope is empty")
	}
	if len(envelope) > maxEnvelope {
		e := finding(report.TooLarge, "the envelope has %d bytes; at most %d are read", len(envelope), maxEnvelope)
		e.Unseen = true
		return e
	}
	chain, err := rawChain(mediaType, envelope)
	switch {
	case err != nil:
		return malformed("the envelope is not %s: %s", mediaType, oneLine(err.Error()))
	case len(chain) == 0:
		return malformed("the envelope has no certificate chain")
	case len(chain) > maxChain:
		return finding(report.TooMany, "the envelope has %d certificates; at most %d are allowed", len(chain), maxChain)
	}
	return nil
}

// rawChain returns the certificates of an envelope, leaf first, not parsed.
func rawChain(mediaType string, envelope []byte) ([][]byte, error) {
	switch mediaType {
	case MediaTypeJWS:
		return jwsChain(envelope)
	case MediaTypeCOSE:
		return coseChain(envelope)
	}
	return nil, &signature.UnsupportedSignatureFormatError{MediaType: mediaType}
}

// jwsChain decodes with the names and types of notation-core-go, so that both
// see the same certificates.
func jwsChain(envelope []byte) ([][]byte, error) {
	var e struct {
		Header struct {
			CertChain [][]byte `json:"x5c"`
		} `json:"header"`
	}
	err := json.Unmarshal(envelope, &e)
	return e.Header.CertChain, err
}

func coseChain(envelope []byte) ([][]byte, error) {
	var message cose.Sign1Message
	if err := message.UnmarshalCBOR(envelope); err != nil {
		return nil, err
	}
	list, _ := message.Headers.Unprotected[cose.HeaderLabelX5Chain].([]any)
	chain := make([][]byte, len(list))
	for i, element := range list {
		der, ok := element.([]byte)
		if !ok {
			return nil, errors.New("a certificate of the chain is not a byte string")
		}
		chain[i] = der
	}
	return chain, nil
}

// integrityFinding tells why an envelope has no integrity. notation-go gives
// text, so the envelope is opened once more; this happens to bad ones only.
func integrityFinding(mediaType string, envelope []byte, said error) *report.Error {
	parsed, err := signature.ParseEnvelope(mediaType, envelope)
	if err == nil {
		_, err = parsed.Verify()
	}
	var broken *signature.SignatureIntegrityError
	var algorithm *signature.UnsupportedSignatureAlgoError
	var key *signature.UnsupportedSigningKeyError
	var format *signature.UnsupportedSignatureFormatError
	var invalid *signature.InvalidSignatureError
	switch {
	case err == nil:
		// The envelope holds; the library refused the kind of its payload.
		return finding(report.UnsupportedFormat, "the envelope is not a Notary Project signature: %s", oneLine(said.Error()))
	case errors.As(err, &broken):
		return finding(report.InvalidSignature, "the signature does not belong to the envelope's content and certificate: %s", oneLine(err.Error()))
	case errors.As(err, &algorithm), errors.As(err, &key), errors.As(err, &format):
		return finding(report.UnsupportedFormat, "%s", oneLine(err.Error()))
	case errors.As(err, &invalid):
		return chainFinding(mediaType, envelope, err)
	}
	return malformed("%s", oneLine(err.Error()))
}

// chainFinding separates certificates that may not sign from an envelope that
// cannot be read.
func chainFinding(mediaType string, envelope []byte, said error) *report.Error {
	raw, err := rawChain(mediaType, envelope)
	if err != nil {
		return malformed("%s", oneLine(said.Error()))
	}
	chain := make([]*x509.Certificate, len(raw))
	for i, der := range raw {
		if chain[i], err = x509.ParseCertificate(der); err != nil {
			return malformed("certificate %d of the chain cannot be read: %s", i+1, oneLine(err.Error()))
		}
	}
	if err := corex509.ValidateCodeSigningCertChain(chain, nil); err != nil {
		return finding(report.UntrustedCertificate, "the certificate chain may not sign: %s; the signer needs a code signing certificate whose chain ends in its root", oneLine(err.Error()))
	}
	return malformed("%s", oneLine(said.Error()))
}
