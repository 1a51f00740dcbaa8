// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"crypto/x509"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// signed is one signature, whatever its encoding was.
type signed struct {
	// proofs is the whole bundle; entity is the same without log entries, which
	// are parsed only if the trust document wants them.
	proofs *protobundle.Bundle
	entity *bundle.Bundle
	// envelope is the whole DSSE envelope of a legacy layer, nil if it is none: what
	// cosign has timestamped there, in place of the signature.
	envelope []byte
	// leaf is the certificate that came with it, nil if there is none.
	leaf *x509.Certificate
	// claims is what the payload says.
	claims claims
}

// readLayer reads a layer of the legacy media types or a bundle.
func readLayer(layer ocispec.Descriptor, blob []byte, k kind) (*signed, *report.Error) {
	switch {
	case len(blob) == 0:
		return nil, finding(report.EmptySignature, "the layer %s is empty", layer.Digest)
	case layer.MediaType == MediaTypeSimpleSigning:
		return readSimpleSigning(layer, blob)
	case layer.MediaType == MediaTypeEnvelope:
		return readEnvelope(layer, blob)
	case k.attestation:
		return readBundle(blob, maxAttestation)
	}
	return readBundle(blob, maxSignature)
}

// readBundle reads a Sigstore bundle.
func readBundle(raw []byte, maxBytes int) (*signed, *report.Error) {
	if refused := admitJSON(raw, maxBytes); refused != nil {
		return nil, refused
	}
	proofs, err := parseBundle(raw)
	if err != nil {
		return nil, malformed("the Sigstore bundle cannot be read: %s", report.OneLine(err.Error()))
	}
	if proofs.GetContent() == nil {
		return nil, finding(report.EmptySignature, "the Sigstore bundle has no content")
	}
	return newSigned(proofs, nil)
}

// newSigned checks what sigstore-go demands of a bundle and reads what the
// payload says. payload is what a message signature is over, nil if the bundle
// does not carry it.
func newSigned(proofs *protobundle.Bundle, payload []byte) (*signed, *report.Error) {
	if refused := admitMaterial(proofs); refused != nil {
		return nil, refused
	}
	entity, err := newBundle(withoutLog(proofs))
	if err != nil {
		return nil, malformed("the Sigstore bundle is not valid: %s", report.OneLine(err.Error()))
	}
	s := &signed{proofs: proofs, entity: entity}
	content, err := guarded(entity.VerificationContent)
	if err != nil {
		return nil, malformed("the verification material cannot be read: %s", report.OneLine(err.Error()))
	}
	s.leaf = content.Certificate()
	if refused := admitKey(s.leaf); refused != nil {
		return nil, refused
	}
	var refused *report.Error
	s.claims, refused = readClaims(proofs, payload)
	return s, refused
}

func newBundle(b *protobundle.Bundle) (*bundle.Bundle, error) {
	return guarded(func() (*bundle.Bundle, error) { return bundle.NewBundle(b) })
}

// withoutLog is a shallow copy that has no log entries.
func withoutLog(b *protobundle.Bundle) *protobundle.Bundle {
	m := b.GetVerificationMaterial()
	if m == nil {
		return b
	}
	return &protobundle.Bundle{
		MediaType: b.GetMediaType(),
		Content:   b.Content,
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content:                   m.Content,
			TimestampVerificationData: m.GetTimestampVerificationData(),
		},
	}
}
