// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// parseBundle decodes as sigstore-go does, but leaves its checks for later.
func parseBundle(raw []byte) (*protobundle.Bundle, error) {
	return guarded(func() (*protobundle.Bundle, error) {
		b := &protobundle.Bundle{}
		return b, protojson.Unmarshal(raw, b)
	})
}

// guarded calls a library that reads strangers' bytes. If it panics, that is
// what it says of them: Rekor's types do so for a log entry without a version.
func guarded[T any](read func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("its parser panicked: %v", r)
		}
	}()
	return read()
}

// mediaTypeOf returns the media type that a Sigstore bundle says it has, "" if
// raw is none.
func mediaTypeOf(raw []byte) string {
	var head struct {
		MediaType string `json:"mediaType"`
	}
	if json.Unmarshal(raw, &head) != nil {
		return ""
	}
	return head.MediaType
}

// decodeObject reads one JSON object. encoding/json alone would let a later key
// silently replace an earlier one, and match keys whatever their case: two
// readers of one signed payload could then see two different claims.
func decodeObject(raw []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decodeValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is text after the JSON value")
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it is not a JSON object")
	}
	return o, nil
}

// decodeValue recurses no deeper than admitJSON has allowed.
func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return decodeMembers(d)
	case json.Delim('['):
		return decodeElements(d)
	}
	return token, nil
}

func decodeMembers(d *json.Decoder) (any, error) {
	o := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("the key %q is there twice", name)
		}
		if o[name], err = decodeValue(d); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return o, err
}

func decodeElements(d *json.Decoder) (any, error) {
	a := []any{}
	for d.More() {
		v, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	_, err := d.Token()
	return a, err
}

// extent measures a JSON text without building anything: how deep it nests and
// how many values it may have. It need not be valid.
func extent(raw []byte) (depth, values int) {
	open, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			open++
			depth = max(depth, open)
			values++
		case c == '}' || c == ']':
			open--
		case c == ',' || c == ':':
			values++
		}
	}
	return depth, values
}
