// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	tiles "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"github.com/sigstore/rekor/pkg/pki"
	"github.com/sigstore/rekor/pkg/types"
	"github.com/sigstore/rekor/pkg/types/dsse"
	_ "github.com/sigstore/rekor/pkg/types/dsse/v0.0.1" // registers the version
	"github.com/sigstore/rekor/pkg/types/hashedrekord"
	_ "github.com/sigstore/rekor/pkg/types/hashedrekord/v0.0.1" // registers the version
	"github.com/sigstore/rekor/pkg/types/intoto"
	_ "github.com/sigstore/rekor/pkg/types/intoto/v0.0.1" // registers the version
	_ "github.com/sigstore/rekor/pkg/types/intoto/v0.0.2" // registers the version
	"github.com/sigstore/rekor/pkg/util"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"google.golang.org/protobuf/encoding/protojson"
)

// enter logs sig. Like Rekor, it refuses a signature that does not verify.
func (l *Log) enter(sig *Signature, o SignOptions) (*rekor.TransparencyLogEntry, error) {
	body, kind, version, err := l.body(sig, o.InToto)
	if err != nil {
		return nil, fmt.Errorf("log signature: %w", err)
	}
	return l.append(body, kind, version, o.At)
}

func (l *Log) body(sig *Signature, inToto string) (body []byte, kind, version string, err error) {
	if l.version == 2 {
		return bodyV2(sig)
	}
	return bodyV1(sig, inToto)
}

// bodyV1 is an entry of kind dsse or hashedrekord, version 0.0.1, or of kind intoto,
// if it has a version, made by Rekor's own library.
func bodyV1(sig *Signature, inToto string) (body []byte, kind, version string, err error) {
	properties := types.ArtifactProperties{
		PKIFormat:      string(pki.X509),
		PublicKeyBytes: [][]byte{sig.signer.materialPEM()},
	}
	kind, version = hashedrekord.KIND, "0.0.1"
	if sig.PayloadType == "" {
		properties.SignatureBytes = sig.Sig
		properties.ArtifactHash = util.PrefixSHA(hex.EncodeToString(sig.digest()))
	} else {
		kind = dsse.KIND
		properties.ArtifactBytes = sig.envelopeJSON()
	}
	if inToto != "" {
		kind, version = intoto.KIND, inToto
	}
	ctx := context.Background() // the library takes one, but reads from memory
	proposed, err := types.NewProposedEntry(ctx, kind, version, properties)
	if err != nil {
		return nil, "", "", err
	}
	entry, err := types.CreateVersionedEntry(proposed)
	if err != nil {
		return nil, "", "", err
	}
	body, err = types.CanonicalizeEntry(ctx, entry)
	return body, kind, version, err
}

// bodyV2 is an entry of kind dsse or hashedrekord, version 0.0.2.
func bodyV2(sig *Signature) (body []byte, kind, version string, err error) {
	verifier, err := sig.verifierV2()
	if err != nil {
		return nil, "", "", err
	}
	signed := &tiles.Signature{Content: sig.Sig, Verifier: verifier}
	if sig.PayloadType != "" {
		return encodeV2(dsseV2(sig.Payload, signed))
	}
	return encodeV2(hashedRekordV2(hashOutput(sig.digest()), signed))
}

// dsseV2 is an entry for an envelope.
//
// Spec: Rekor v2, api/proto/rekor/v2/dsse.proto.
func dsseV2(payload []byte, signed *tiles.Signature) *tiles.Entry {
	sum := sha256.Sum256(payload)
	return &tiles.Entry{Kind: dsse.KIND, Spec: &tiles.Spec{Spec: &tiles.Spec_DsseV002{DsseV002: &tiles.DSSELogEntryV002{
		PayloadHash: &common.HashOutput{Algorithm: common.HashAlgorithm_SHA2_256, Digest: sum[:]},
		Signatures:  []*tiles.Signature{signed},
	}}}}
}

// hashedRekordV2 is an entry for a signature over a digest.
//
// Spec: Rekor v2, api/proto/rekor/v2/hashedrekord.proto.
func hashedRekordV2(data *common.HashOutput, signed *tiles.Signature) *tiles.Entry {
	return &tiles.Entry{Kind: hashedrekord.KIND, Spec: &tiles.Spec{Spec: &tiles.Spec_HashedRekordV002{
		HashedRekordV002: &tiles.HashedRekordLogEntryV002{Data: data, Signature: signed},
	}}}
}

func encodeV2(entry *tiles.Entry) (body []byte, kind, version string, err error) {
	entry.ApiVersion = "0.0.2"
	encoded, err := protojson.Marshal(entry)
	if err != nil {
		return nil, "", "", fmt.Errorf("encode log entry: %w", err)
	}
	body, err = jsoncanonicalizer.Transform(encoded)
	return body, entry.GetKind(), entry.GetApiVersion(), err
}

// verifierV2 is what an entry of Rekor v2 says about the signer.
func (sig *Signature) verifierV2() (*tiles.Verifier, error) {
	var load []signature.LoadOption
	if sig.signer.options.Prehash {
		load = append(load, options.WithED25519ph())
	}
	details, err := signature.GetDefaultAlgorithmDetails(sig.signer.Key.Public(), load...)
	if err != nil {
		return nil, fmt.Errorf("name algorithm of key: %w", err)
	}
	verifier := &tiles.Verifier{KeyDetails: details.GetSignatureAlgorithm()}
	if chain := sig.signer.Chain; len(chain) > 0 {
		verifier.Verifier = &tiles.Verifier_X509Certificate{X509Certificate: &common.X509Certificate{RawBytes: chain[0].Raw}}
		return verifier, nil
	}
	verifier.Verifier = &tiles.Verifier_PublicKey{PublicKey: &tiles.PublicKey{RawBytes: sig.signer.publicDER()}}
	return verifier, nil
}

// digest is the digest of what was signed, by the signer's hash; Ed25519ph has SHA-512
// and Ed25519, which has none, is written with SHA-256.
func (sig *Signature) digest() []byte {
	h := sig.hash().New()
	h.Write(sig.signed())
	return h.Sum(nil)
}

func (sig *Signature) hash() crypto.Hash {
	if _, ok := sig.signer.Key.(ed25519.PrivateKey); !ok {
		return sig.signer.Hash()
	}
	if sig.signer.options.Prehash {
		return crypto.SHA512
	}
	return crypto.SHA256
}
