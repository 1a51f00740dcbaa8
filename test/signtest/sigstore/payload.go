// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/sigstore/sigstore/pkg/signature/payload"
)

// Predicate types.
const (
	// PredicateSignature makes a statement a signature of Cosign; all others are
	// attestations.
	PredicateSignature = "https://sigstore.dev/cosign/sign/v1"
	PredicateSLSA      = "https://slsa.dev/provenance/v1"
	PredicateSPDX      = "https://spdx.dev/Document"
)

const (
	inTotoType = "application/vnd.in-toto+json"
	// cosign attests with in-toto v0.1 and signs with v1.
	statementV01 = "https://in-toto.io/Statement/v0.1"
	statementV1  = "https://in-toto.io/Statement/v1"
)

// statement is an in-toto statement.
//
// Spec: in-toto attestation v1, statement.
type statement struct {
	Type          string            `json:"_type"`
	Subject       []statementTarget `json:"subject"`
	PredicateType string            `json:"predicateType"`
	Predicate     any               `json:"predicate"`
}

type statementTarget struct {
	Name        string            `json:"name,omitempty"`
	Digest      map[string]string `json:"digest"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// payload is the document that is signed about target, and its DSSE payload type.
func (o SignOptions) payload(target digest.Digest) (content []byte, payloadType string, err error) {
	var document any
	targets := o.Digests
	if len(targets) == 0 {
		targets = []digest.Digest{target}
	}
	switch {
	case o.legacy() && o.PredicateType == "":
		document = o.simpleSigning(targets[0])
	default:
		payloadType = cmp.Or(o.PayloadType, inTotoType)
		document = o.statement(targets)
	}
	if o.Payload != nil {
		return o.Payload, payloadType, nil
	}
	if content, err = json.Marshal(document); err != nil {
		return nil, "", fmt.Errorf("encode payload for %s: %w", target, err)
	}
	return content, payloadType, nil
}

// simpleSigning is the payload of signatures without DSSE.
//
// Spec: cosign specs/SIGNATURE_SPEC.md, "Simple Signing".
func (o SignOptions) simpleSigning(target digest.Digest) payload.SimpleContainerImage {
	var document payload.SimpleContainerImage
	document.Critical.Identity.DockerReference = o.Reference
	document.Critical.Image.DockerManifestDigest = target.String()
	document.Critical.Type = payload.CosignSignatureType
	for key, value := range o.Annotations {
		if document.Optional == nil {
			document.Optional = make(map[string]any)
		}
		document.Optional[key] = value
	}
	return document
}

func (o SignOptions) statement(targets []digest.Digest) statement {
	document := statement{
		Type:          statementV1,
		PredicateType: cmp.Or(o.PredicateType, PredicateSignature),
		Predicate:     o.Predicate,
	}
	if document.Predicate == nil {
		document.Predicate = map[string]any{}
	}
	name := ""
	if o.PredicateType != "" {
		document.Type, name = statementV01, o.Reference
	}
	for _, target := range targets {
		document.Subject = append(document.Subject, statementTarget{
			Name:        name,
			Digest:      map[string]string{target.Algorithm().String(): target.Encoded()},
			Annotations: o.Annotations,
		})
	}
	return document
}
