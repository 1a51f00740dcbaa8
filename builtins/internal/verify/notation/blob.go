// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/notaryproject/notation-core-go/signature"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

// coseSign1 is the CBOR tag 18 that begins a COSE_Sign1 message.
//
// Spec: RFC 9052, section 2.
const coseSign1 = 0xd2

// Recognises reports whether an envelope is JWS or COSE as the Notary Project
// uses them.
func (*Verifier) Recognises(envelope []byte) bool { return envelopeType(envelope) != "" }

func envelopeType(envelope []byte) string {
	if len(envelope) > 0 && envelope[0] == coseSign1 {
		return MediaTypeCOSE
	}
	var jws struct {
		Payload   *string         `json:"payload"`
		Protected *string         `json:"protected"`
		Header    json.RawMessage `json:"header"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(envelope), []byte("{")) && json.Unmarshal(envelope, &jws) == nil && jws.Payload != nil && jws.Protected != nil {
		return MediaTypeJWS
	}
	return ""
}

// VerifyBlob judges a detached signature by the statement that b.Policy names.
// The payload has to name b.Digest.
func (v *Verifier) VerifyBlob(ctx context.Context, b verify.Blob, doc *trust.Document) (s report.Signature) {
	e := verify.Evidence{
		Subject: reference.Reference{Digest: b.Digest}, Blobs: [][]byte{b.Envelope}, Annotations: b.Annotations,
		Manifest: ocispec.Manifest{Layers: []ocispec.Descriptor{{MediaType: envelopeType(b.Envelope), Size: int64(len(b.Envelope))}}},
	}
	defer func() {
		if r := recover(); r != nil {
			s = reject(e, finding(report.Internal, "verifying the signature panicked; please report this"))
		}
	}()
	part := doc.Notation()
	statement := part.Named(b.Policy)
	if statement == nil {
		return reject(e, trustError(report.NoTrustPolicy, "no statement of the trust policy is for blobs: name one as \"policy\" (there are "+
			report.Listed(part.Names())+"), or give one the registry scope \"*\""))
	}
	if refused := usable(statement, "blobs"); refused != nil {
		return reject(e, refused)
	}
	if refused := admit(e.Manifest.Layers[0].MediaType, b.Envelope); refused != nil {
		return reject(e, refused)
	}
	target, err := targetOf(e.Manifest.Layers[0].MediaType, b.Envelope)
	if err != nil {
		return reject(e, malformed("%s", report.OneLine(err.Error())))
	}
	target.Digest = b.Digest // what must be vouched for; the rest only describes it
	e.Manifest.Subject = &target
	return v.verifyBy(ctx, e, doc, statement)
}

// targetOf reads what an envelope says it is about, before anything is believed:
// size and media type of a blob are known to its signer only.
func targetOf(mediaType string, envelope []byte) (ocispec.Descriptor, error) {
	parsed, err := signature.ParseEnvelope(mediaType, envelope)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	content, err := parsed.Content()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	var payload struct {
		Target ocispec.Descriptor `json:"targetArtifact"`
	}
	err = json.Unmarshal(content.Payload.Content, &payload)
	return payload.Target, err
}
