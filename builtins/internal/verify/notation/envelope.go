// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"errors"

	"github.com/notaryproject/notation-core-go/signature"
	corex509 "github.com/notaryproject/notation-core-go/x509"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

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
		return finding(report.UnsupportedFormat, "the envelope is not a Notary Project signature: %s", report.OneLine(said.Error()))
	case errors.As(err, &broken):
		return finding(report.InvalidSignature, "the signature does not belong to the envelope's content and certificate: %s", report.OneLine(err.Error()))
	case errors.As(err, &algorithm), errors.As(err, &key), errors.As(err, &format):
		return finding(report.UnsupportedFormat, "%s", report.OneLine(err.Error()))
	case errors.As(err, &invalid):
		return chainFinding(mediaType, envelope, err)
	}
	return malformed("%s", report.OneLine(err.Error()))
}

// chainFinding separates certificates that may not sign from an envelope that
// cannot be read.
func chainFinding(mediaType string, envelope []byte, said error) *report.Error {
	o, err := readOutline(mediaType, envelope)
	if err != nil {
		return malformed("%s", report.OneLine(said.Error()))
	}
	chain, refused := o.certificates()
	if refused != nil {
		return refused
	}
	if err := corex509.ValidateCodeSigningCertChain(chain, nil); err != nil {
		return finding(report.UntrustedCertificate, "the certificate chain may not sign: %s; the signer needs a code signing certificate whose chain ends in its root", report.OneLine(err.Error()))
	}
	return malformed("%s", report.OneLine(said.Error()))
}
