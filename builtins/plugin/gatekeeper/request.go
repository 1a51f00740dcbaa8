// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The versions of the protocol, which do not differ in what is said here, and the
// kind of its requests.
const (
	v1alpha1 = "externaldata.gatekeeper.sh/v1alpha1"
	v1beta1  = "externaldata.gatekeeper.sh/v1beta1"

	providerRequest = "ProviderRequest"
)

// request is a ProviderRequest.
type request struct {
	apiVersion string // to answer with
	keys       []string
}

// parseRequest reads a body. The request is good for an answer (its apiVersion is
// set) even if the error says that it cannot be served.
//
// Field names are matched exactly, unlike encoding/json does for structs: an
// authorization policy that looked at input.body saw exactly what is used here.
func parseRequest(body []byte, maxKeys int) (request, error) {
	r, err := readRequest(body)
	if err != nil {
		return r, err
	}
	if n := len(r.keys); n > maxKeys {
		return request{apiVersion: r.apiVersion}, fmt.Errorf("%d keys in one request; at most %d are allowed (plugins.ratify.gatekeeper.max_keys): %w", n, maxKeys, errTooMany)
	}
	return r, nil
}

func readRequest(body []byte) (request, error) {
	if p, ok := plainRequest(body); ok && (!p.hasVersion || p.version == v1beta1) && (!p.hasKind || p.kind == providerRequest) {
		return request{v1beta1, p.keys}, nil
	}
	return decodeRequest(body)
}

func decodeRequest(body []byte) (request, error) {
	r := request{apiVersion: v1beta1}
	fields, err := object(body)
	if err != nil {
		return r, fmt.Errorf("the body is not a ProviderRequest: %w", err)
	}
	if err := r.readHeader(fields); err != nil {
		return r, err
	}
	inner, err := object(fields["request"])
	if err != nil {
		return r, fmt.Errorf(`"request" in the body: %w`, err)
	}
	if r.keys, err = readKeys(inner["keys"]); err != nil {
		return r, fmt.Errorf(`"request.keys" in the body: %w`, err)
	}
	return r, nil
}

// Kinds of requests that are not served, for the metrics.
var (
	errTooMany  = errors.New("nothing was decided")
	errTooLarge = errors.New("nothing was read")
)

func (r *request) readHeader(fields map[string]json.RawMessage) error {
	version, err := text(fields["apiVersion"], v1beta1)
	if err != nil || version != v1alpha1 && version != v1beta1 {
		return fmt.Errorf(`"apiVersion" in the body is %s; known are %s and %s`, quote(string(fields["apiVersion"])), v1beta1, v1alpha1)
	}
	r.apiVersion = version
	if kind, err := text(fields["kind"], providerRequest); err != nil || kind != providerRequest {
		return fmt.Errorf(`"kind" in the body is %s; expected ProviderRequest`, quote(string(fields["kind"])))
	}
	return nil
}

func readKeys(raw json.RawMessage) ([]string, error) {
	var values []any
	if err := json.Unmarshal(orNull(raw), &values); err != nil {
		return nil, errors.New("not a list of strings")
	}
	if len(values) == 0 {
		return nil, errors.New("no keys; there is nothing to decide")
	}
	keys := make([]string, 0, len(values))
	for i, v := range values {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("item %d is not a string", i)
		}
		keys = append(keys, s)
	}
	return keys, nil
}

// object decodes one JSON object and nothing after it.
func object(raw json.RawMessage) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(orNull(raw)))
	var fields map[string]json.RawMessage
	if err := d.Decode(&fields); err != nil || fields == nil {
		return nil, errors.New("not a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return fields, nil
}

func text(raw json.RawMessage, absent string) (string, error) {
	if raw == nil {
		return absent, nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", errors.New("not a string")
	}
	return *s, nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}
