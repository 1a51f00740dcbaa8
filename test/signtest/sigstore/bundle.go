// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"fmt"

	bundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"google.golang.org/protobuf/encoding/protojson"
)

// MediaTypeBundle is the media type of Sigstore bundles v0.3.
const MediaTypeBundle = "application/vnd.dev.sigstore.bundle.v0.3+json"

// Bundle is the signature as a Sigstore bundle, JSON, of the version its layout says.
//
// Spec: Sigstore protobuf-specs, sigstore_bundle.proto.
func (sig *Signature) Bundle() ([]byte, error) {
	if sig.Raw != nil {
		return sig.Raw, nil
	}
	b := &bundle.Bundle{
		MediaType:            sig.bundleType(),
		VerificationMaterial: sig.verificationMaterial(),
	}
	if sig.PayloadType == "" {
		b.Content = &bundle.Bundle_MessageSignature{MessageSignature: &common.MessageSignature{
			MessageDigest: hashOutput(sig.digest()),
			Signature:     sig.Sig,
		}}
	} else {
		b.Content = &bundle.Bundle_DsseEnvelope{DsseEnvelope: &dsse.Envelope{
			Payload:     sig.Payload,
			PayloadType: sig.PayloadType,
			Signatures:  []*dsse.Signature{{Sig: sig.Sig}},
		}}
	}
	raw, err := protojson.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encode bundle: %w", err)
	}
	return raw, nil
}

func (sig *Signature) bundleType() string {
	switch sig.Layout {
	case BundleV01:
		return "application/vnd.dev.sigstore.bundle+json;version=0.1"
	case BundleV02:
		return "application/vnd.dev.sigstore.bundle+json;version=0.2"
	default:
		return MediaTypeBundle
	}
}

func (sig *Signature) verificationMaterial() *bundle.VerificationMaterial {
	material := &bundle.VerificationMaterial{TlogEntries: sig.Entries}
	for _, token := range sig.Timestamps {
		if material.TimestampVerificationData == nil {
			material.TimestampVerificationData = &bundle.TimestampVerificationData{}
		}
		stamps := &material.TimestampVerificationData.Rfc3161Timestamps
		*stamps = append(*stamps, &common.RFC3161SignedTimestamp{SignedTimestamp: token})
	}
	chain := sig.signer.Chain
	switch {
	case len(chain) == 0:
		material.Content = &bundle.VerificationMaterial_PublicKey{
			PublicKey: &common.PublicKeyIdentifier{Hint: sig.Hint},
		}
	case sig.Layout == Bundle:
		material.Content = &bundle.VerificationMaterial_Certificate{
			Certificate: &common.X509Certificate{RawBytes: chain[0].Raw},
		}
	default:
		// Before v0.3 there was a chain, without the root.
		list := &common.X509CertificateChain{}
		for _, cert := range chain[:len(chain)-1] {
			list.Certificates = append(list.Certificates, &common.X509Certificate{RawBytes: cert.Raw})
		}
		material.Content = &bundle.VerificationMaterial_X509CertificateChain{X509CertificateChain: list}
	}
	return material
}
