// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// The types of in-toto statements.
const (
	statementV01 = "https://in-toto.io/Statement/v0.1"
	statementV1  = "https://in-toto.io/Statement/v1"
)

// maxSubjects bounds the subjects of a statement, as sigstore-go does.
const maxSubjects = 1024

// readStatement reads an in-toto statement. One that cannot be read is an error
// and never another type of statement.
//
// Spec: in-toto attestation framework v1, "Statement layer".
func readStatement(e *protodsse.Envelope) (claims, *report.Error) {
	if e.GetPayloadType() != MediaTypeStatement {
		return claims{}, finding(report.UnsupportedFormat, "the DSSE envelope has a payload of type %q; supported is %s", report.OneLine(e.GetPayloadType()), MediaTypeStatement)
	}
	raw := e.GetPayload()
	if len(raw) == 0 {
		return claims{}, finding(report.EmptySignature, "the DSSE envelope has no payload")
	}
	if refused := admitShape(raw, "statement"); refused != nil {
		return claims{}, refused
	}
	o, err := decodeObject(raw)
	if err != nil {
		return claims{}, malformed("the in-toto statement cannot be read: %s", report.OneLine(err.Error()))
	}
	c := claims{payload: raw}
	if c.predicateType, err = predicateTypeOf(o); err == nil {
		err = c.readSubjects(o["subject"])
	}
	if err != nil {
		return claims{}, malformed("the in-toto statement: %s", report.OneLine(err.Error()))
	}
	return c, nil
}

func predicateTypeOf(o map[string]any) (string, error) {
	if t := o["_type"]; t != statementV01 && t != statementV1 {
		return "", fmt.Errorf("_type is %q, neither %s nor %s", fmt.Sprint(t), statementV1, statementV01)
	}
	t, _ := o["predicateType"].(string)
	if t == "" {
		return "", fmt.Errorf("it has no predicateType")
	}
	return t, nil
}

// readSubjects reads every subject; one that is malformed spoils the statement.
func (c *claims) readSubjects(v any) error {
	list, _ := v.([]any)
	if len(list) == 0 || len(list) > maxSubjects {
		return fmt.Errorf("it has %d subjects; 1 to %d are allowed", len(list), maxSubjects)
	}
	for i, v := range list {
		o, _ := v.(map[string]any)
		d, err := subjectDigests(o["digest"])
		if err != nil {
			return fmt.Errorf("subject %d: %w", i+1, err)
		}
		c.subjects = append(c.subjects, d)
		annotations, err := readAnnotations(o["annotations"])
		if err != nil {
			return fmt.Errorf("subject %d: %w", i+1, err)
		}
		if i == 0 {
			c.annotations = annotations
		}
	}
	return nil
}

// subjectDigests returns the digests by algorithms that images have. Others, of
// git commits for example, are allowed and match nothing.
func subjectDigests(v any) (digests, error) {
	o, _ := v.(map[string]any)
	if len(o) == 0 {
		return nil, fmt.Errorf("it has no digest")
	}
	var d digests
	for _, name := range sortedNames(o) {
		encoded, ok := o[name].(string)
		if !ok || encoded == "" {
			return nil, fmt.Errorf("its digest by %q is not a string", name)
		}
		algorithm := digest.Algorithm(name)
		if !algorithm.Available() {
			continue
		}
		if err := algorithm.Validate(encoded); err != nil {
			return nil, fmt.Errorf("its digest by %s is malformed: %w", name, err)
		}
		d = append(d, digest.NewDigestFromEncoded(algorithm, encoded))
	}
	return d, nil
}

// asText returns a string as it is and anything else as JSON.
func asText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
