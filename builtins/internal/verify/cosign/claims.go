// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore/pkg/signature/payload"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

// claims is what a payload says, not yet believed.
type claims struct {
	// payload is what the signature is over: the simple signing payload or the
	// statement. Nil for a message signature, which is over the subject itself.
	payload []byte
	// predicateType of a statement, "" for everything else.
	predicateType string
	// subjects have one or more digests each.
	subjects []digests
	// annotations of the signer.
	annotations map[string]string
}

// digests are the digests of one thing, by different algorithms.
type digests []digest.Digest

func (d digests) meet(other digests) bool {
	return slices.ContainsFunc(d, func(one digest.Digest) bool { return slices.Contains(other, one) })
}

// String returns them as a message has them.
func (d digests) String() string {
	words := make([]string, len(d))
	for i, one := range d {
		words[i] = one.String()
	}
	return report.Listed(words)
}

// kind is what is looked for: signatures, or statements of one predicate type.
type kind struct {
	attestation   bool
	predicateType string
}

func signatures() kind { return kind{predicateType: PredicateSign} }

func attestation(predicateType string) kind {
	return kind{attestation: true, predicateType: predicateType}
}

// covers reports whether a payload is of the kind. Simple signing and message
// signatures are signatures; a statement is what its predicate type says.
func (k kind) covers(c claims) bool {
	if c.predicateType == "" {
		return !k.attestation
	}
	return c.predicateType == k.predicateType
}

// wanted is what a signature must be for.
type wanted struct {
	kind        kind
	subject     digests
	annotations map[string]string
	bytes       []byte // of the subject, nil if nobody has them
}

// subjectOf returns the digests of a blob: the given one and, of its bytes, the
// others that signers use.
func subjectOf(b verify.Blob) digests {
	d := digests{b.Digest}
	if b.Bytes != nil {
		d = append(d, digest.SHA256.FromBytes(b.Bytes), digest.SHA384.FromBytes(b.Bytes), digest.SHA512.FromBytes(b.Bytes))
	}
	return d
}

// readClaims reads the payload of a bundle. simpleSigning is the payload of a
// legacy layer, nil for a bundle.
func readClaims(b *protobundle.Bundle, simpleSigning []byte) (claims, *report.Error) {
	if e := b.GetDsseEnvelope(); e != nil {
		return readStatement(e)
	}
	if simpleSigning != nil {
		return readSimpleSigningPayload(simpleSigning)
	}
	hash := b.GetMessageSignature().GetMessageDigest()
	d, err := digestOf(hash)
	if err != nil {
		return claims{}, malformed("%s", err.Error())
	}
	return claims{subjects: []digests{{d}}}, nil
}

func digestOf(h *protocommon.HashOutput) (digest.Digest, error) {
	algorithm := map[protocommon.HashAlgorithm]digest.Algorithm{
		protocommon.HashAlgorithm_SHA2_256: digest.SHA256,
		protocommon.HashAlgorithm_SHA2_384: digest.SHA384,
		protocommon.HashAlgorithm_SHA2_512: digest.SHA512,
	}[h.GetAlgorithm()]
	d := digest.NewDigestFromEncoded(algorithm, hex.EncodeToString(h.GetDigest()))
	if algorithm == "" || d.Validate() != nil {
		return "", fmt.Errorf("the message signature has no digest by SHA-256, SHA-384 or SHA-512")
	}
	return d, nil
}

// readSimpleSigningPayload reads the payload of legacy signatures.
//
// Spec: containers/image, "Signature format", "JSON data format"; Cosign
// signature specification, "Payload".
func readSimpleSigningPayload(raw []byte) (claims, *report.Error) {
	o, err := decodeObject(raw)
	if err != nil {
		return claims{}, malformed("the simple signing payload cannot be read: %s", report.OneLine(err.Error()))
	}
	critical, _ := o["critical"].(map[string]any)
	image, _ := critical["image"].(map[string]any)
	of, _ := image["docker-manifest-digest"].(string)
	if critical["type"] != payload.CosignSignatureType {
		return claims{}, malformed("the simple signing payload is of type %q, not %q", report.OneLine(fmt.Sprint(critical["type"])), payload.CosignSignatureType)
	}
	d, err := digest.Parse(of)
	if err != nil {
		return claims{}, malformed("the simple signing payload names no image: docker-manifest-digest is %q", report.OneLine(of))
	}
	c := claims{payload: raw, subjects: []digests{{d}}}
	if c.annotations, err = readAnnotations(o["optional"]); err != nil {
		return claims{}, malformed("the simple signing payload: %s", report.OneLine(err.Error()))
	}
	return c, nil
}

// readAnnotations reads the signer's annotations; what is no string is kept as
// JSON.
func readAnnotations(v any) (map[string]string, error) {
	if v == nil {
		return nil, nil
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the annotations are not an object")
	}
	annotations := map[string]string{}
	for name, value := range o {
		annotations[name] = asText(value)
	}
	return annotations, nil
}
