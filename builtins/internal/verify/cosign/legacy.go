// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	cosignbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// The annotations of a legacy layer. The chain is not read: a certificate is
// verified with what the trusted root has, not with what the signer brings.
//
// Spec: Cosign signature specification, "Storage".
const (
	annotationSignature   = "dev.cosignproject.cosign/signature"
	annotationCertificate = "dev.sigstore.cosign/certificate"
	annotationBundle      = "dev.sigstore.cosign/bundle"
	annotationTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// legacyBundle is the version that allows what legacy layers have: a log entry
// with a promise of inclusion and no proof.
const legacyBundle = "application/vnd.dev.sigstore.bundle+json;version=0.1"

// readSimpleSigning reads a layer of simple signing: the blob is the payload, the
// rest are annotations.
func readSimpleSigning(layer ocispec.Descriptor, payload []byte) (*signed, *report.Error) {
	if refused := admitJSON(payload, maxSimpleSigning); refused != nil {
		return nil, refused
	}
	text := layer.Annotations[annotationSignature]
	if text == "" {
		return nil, finding(report.EmptySignature, "the layer %s has no annotation %s", layer.Digest, annotationSignature)
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(text) > maxAnnotation {
		return nil, malformed("the annotation %s is not a signature in base64", annotationSignature)
	}
	b, err := legacy(layer.Annotations)
	if err != nil {
		return nil, malformed("%s", report.OneLine(err.Error()))
	}
	sum := sha256.Sum256(payload)
	b.Content = &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
		MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: sum[:]},
		Signature:     signature,
	}}
	return newSigned(b, payload)
}

// readEnvelope reads a layer whose blob is a DSSE envelope.
func readEnvelope(layer ocispec.Descriptor, blob []byte) (*signed, *report.Error) {
	if refused := admitJSON(blob, maxAttestation); refused != nil {
		return nil, refused
	}
	envelope, err := parseEnvelope(blob)
	if err != nil {
		return nil, malformed("the DSSE envelope cannot be read: %s", report.OneLine(err.Error()))
	}
	b, err := legacy(layer.Annotations)
	if err != nil {
		return nil, malformed("%s", report.OneLine(err.Error()))
	}
	b.Content = &protobundle.Bundle_DsseEnvelope{DsseEnvelope: envelope}
	s, refused := newSigned(b, nil)
	if refused == nil {
		s.envelope = blob
	}
	return s, refused
}

// parseEnvelope reads DSSE's JSON, by exact names.
//
// Spec: DSSE v1.0.2, "Envelope".
func parseEnvelope(blob []byte) (*protodsse.Envelope, error) {
	o, err := decodeObject(blob)
	if err != nil {
		return nil, err
	}
	payload, err := base64Member(o, "payload")
	if err != nil {
		return nil, err
	}
	e := &protodsse.Envelope{Payload: payload}
	e.PayloadType, _ = o["payloadType"].(string)
	list, _ := o["signatures"].([]any)
	for _, v := range list {
		member, _ := v.(map[string]any)
		sig, err := base64Member(member, "sig")
		if err != nil {
			return nil, err
		}
		keyID, _ := member["keyid"].(string)
		e.Signatures = append(e.Signatures, &protodsse.Signature{Sig: sig, Keyid: keyID})
	}
	return e, nil
}

func base64Member(o map[string]any, name string) ([]byte, error) {
	s, ok := o[name].(string)
	if !ok {
		return nil, fmt.Errorf("%q is missing or not a string", name)
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		raw, err = base64.URLEncoding.DecodeString(s)
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not base64", name)
	}
	return raw, nil
}

// legacy reads the certificate, the log entry and the timestamp of a layer.
func legacy(annotations map[string]string) (*protobundle.Bundle, error) {
	for _, name := range []string{annotationCertificate, annotationBundle, annotationTimestamp} {
		if n := len(annotations[name]); n > maxAnnotation {
			return nil, fmt.Errorf("the annotation %s has %d bytes; at most %d are read", name, n, maxAnnotation)
		}
	}
	m := &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{}}}
	var errs [3]error
	if text := annotations[annotationCertificate]; text != "" {
		errs[0] = addCertificate(m, text)
	}
	if text := annotations[annotationBundle]; text != "" {
		errs[1] = addLogEntry(m, text)
	}
	if text := annotations[annotationTimestamp]; text != "" {
		errs[2] = addTimestamp(m, text)
	}
	return &protobundle.Bundle{MediaType: legacyBundle, VerificationMaterial: m}, errors.Join(errs[:]...)
}

// addCertificate wants a certificate and nothing else: a bare key in its place
// once passed for one (GHSA-fx35-mq7g-6g98).
func addCertificate(m *protobundle.VerificationMaterial, text string) error {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return fmt.Errorf("the annotation %s is not a certificate in PEM", annotationCertificate)
	}
	m.Content = &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: block.Bytes}}
	return nil
}

func addLogEntry(m *protobundle.VerificationMaterial, text string) error {
	var b cosignbundle.RekorBundle
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return fmt.Errorf("the annotation %s is not a log entry: %w", annotationBundle, err)
	}
	encoded, _ := b.Payload.Body.(string)
	body, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("the annotation %s has no body in base64", annotationBundle)
	}
	logID, err := hex.DecodeString(b.Payload.LogID)
	if err != nil {
		return fmt.Errorf("the annotation %s has no log id in hex", annotationBundle)
	}
	var head struct {
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&head); err != nil {
		return fmt.Errorf("the log entry is not JSON: %w", err)
	}
	m.TlogEntries = []*protorekor.TransparencyLogEntry{{
		LogIndex: b.Payload.LogIndex, LogId: &protocommon.LogId{KeyId: logID},
		KindVersion:       &protorekor.KindVersion{Kind: head.Kind, Version: head.APIVersion},
		IntegratedTime:    b.Payload.IntegratedTime,
		InclusionPromise:  &protorekor.InclusionPromise{SignedEntryTimestamp: b.SignedEntryTimestamp},
		CanonicalizedBody: body,
	}}
	return nil
}

func addTimestamp(m *protobundle.VerificationMaterial, text string) error {
	var t cosignbundle.RFC3161Timestamp
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return fmt.Errorf("the annotation %s is not a signed timestamp: %w", annotationTimestamp, err)
	}
	m.TimestampVerificationData = &protobundle.TimestampVerificationData{
		Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: t.SignedRFC3161Timestamp}},
	}
	return nil
}
