// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
)

// Media types of layers.
const (
	MediaTypeSimpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	MediaTypeDSSE          = "application/vnd.dsse.envelope.v1+json"
)

// layer is the signature in a manifest, with its blob.
func (sig *Signature) layer() (ocispec.Descriptor, []byte, error) {
	if !sig.legacy() {
		raw, err := sig.Bundle()
		return describe(sig.bundleType(), raw), raw, err
	}
	annotations, err := sig.layerAnnotations()
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	mediaType, blob := MediaTypeSimpleSigning, sig.Payload
	annotations[static.SignatureAnnotationKey] = base64.StdEncoding.EncodeToString(sig.Sig)
	if sig.PayloadType != "" {
		mediaType, blob = MediaTypeDSSE, sig.envelopeJSON()
		annotations[static.SignatureAnnotationKey] = ""
		annotations["predicateType"] = sig.PredicateType
	}
	if sig.Raw != nil {
		blob = sig.Raw
	}
	desc := describe(mediaType, blob)
	desc.Annotations = annotations
	return desc, blob, nil
}

// layerAnnotations are what a bundle has as verification material, apart from the
// signature.
func (sig *Signature) layerAnnotations() (map[string]string, error) {
	annotations := make(map[string]string)
	if chain := sig.signer.Chain; len(chain) > 0 {
		annotations[static.CertificateAnnotationKey] = string(certificatesPEM(chain[:1]))
		annotations[static.ChainAnnotationKey] = string(certificatesPEM(chain[1:]))
	}
	for _, token := range sig.Timestamps {
		raw, err := json.Marshal(bundle.RFC3161Timestamp{SignedRFC3161Timestamp: token})
		if err != nil {
			return nil, fmt.Errorf("encode timestamp: %w", err)
		}
		annotations[static.RFC3161TimestampAnnotationKey] = string(raw)
	}
	for _, entry := range sig.Entries {
		raw, err := json.Marshal(bundle.RekorBundle{
			SignedEntryTimestamp: entry.GetInclusionPromise().GetSignedEntryTimestamp(),
			Payload: bundle.RekorPayload{
				Body:           base64.StdEncoding.EncodeToString(entry.GetCanonicalizedBody()),
				IntegratedTime: entry.GetIntegratedTime(),
				LogIndex:       entry.GetLogIndex(),
				LogID:          hex.EncodeToString(entry.GetLogId().GetKeyId()),
			},
		})
		if err != nil {
			return nil, fmt.Errorf("encode log entry: %w", err)
		}
		annotations[static.BundleAnnotationKey] = string(raw)
	}
	return annotations, nil
}
