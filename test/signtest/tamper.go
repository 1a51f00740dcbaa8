// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/veraison/go-cose"
)

// FlipPayload changes one hex digit of the digest inside the payload, so that the
// payload is well-formed, names another manifest, and is not what was signed.
func FlipPayload(env Envelope) (Envelope, error) {
	return edit(env, func(p *parts) error {
		marker := []byte("sha256:")
		i := bytes.Index(p.payload, marker)
		if i < 0 {
			return fmt.Errorf("no digest in payload")
		}
		digit := &p.payload[i+len(marker)]
		*digit = map[bool]byte{true: '1', false: '0'}[*digit == '0']
		return nil
	})
}

// FlipSignature changes one bit in the middle of the signature.
func FlipSignature(env Envelope) (Envelope, error) {
	return edit(env, func(p *parts) error {
		p.signature[len(p.signature)/2] ^= 1
		return nil
	})
}

// Truncate keeps the first n bytes of an envelope.
func Truncate(env Envelope, n int) Envelope {
	return Envelope{MediaType: env.MediaType, Bytes: bytes.Clone(env.Bytes[:min(n, len(env.Bytes))])}
}

// WithoutTimestamp removes the countersignature, which anybody can do: it is unsigned.
func WithoutTimestamp(env Envelope) (Envelope, error) {
	return WithTimestamp(env, nil)
}

// WithTimestamp replaces the countersignature by any token; nil removes it.
func WithTimestamp(env Envelope, token []byte) (Envelope, error) {
	return edit(env, func(p *parts) error {
		p.timestamp = token
		return nil
	})
}

// Timestamp is the countersignature of env, nil if it has none.
func Timestamp(env Envelope) (token []byte, err error) {
	_, err = edit(env, func(p *parts) error {
		token = p.timestamp
		return nil
	})
	return token, err
}

// parts are what tampering changes in an envelope.
type parts struct {
	payload   []byte
	signature []byte
	timestamp []byte
}

const headerTimestamp = "io.cncf.notary.timestampSignature"

func edit(env Envelope, change func(*parts) error) (Envelope, error) {
	edited, err := []byte(nil), fmt.Errorf("unknown media type %q", env.MediaType)
	switch Format(env.MediaType) {
	case JWS:
		edited, err = editJWS(env.Bytes, change)
	case COSE:
		edited, err = editCOSE(env.Bytes, change)
	}
	if err != nil {
		return Envelope{}, fmt.Errorf("tamper with envelope: %w", err)
	}
	return Envelope{MediaType: env.MediaType, Bytes: edited}, nil
}

func editJWS(envelope []byte, change func(*parts) error) ([]byte, error) {
	var e struct {
		Payload   rawURL         `json:"payload"`
		Protected string         `json:"protected"`
		Header    map[string]any `json:"header"`
		Signature rawURL         `json:"signature"`
	}
	if err := json.Unmarshal(envelope, &e); err != nil {
		return nil, err
	}
	token, _ := e.Header[headerTimestamp].(string) // absent: ""
	timestamp, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return nil, err
	}
	p := &parts{payload: e.Payload, signature: e.Signature, timestamp: timestamp}
	if err := change(p); err != nil {
		return nil, err
	}
	e.Payload, e.Signature = p.payload, p.signature
	delete(e.Header, headerTimestamp)
	if len(p.timestamp) > 0 {
		e.Header[headerTimestamp] = base64.StdEncoding.EncodeToString(p.timestamp)
	}
	return json.Marshal(e)
}

func editCOSE(envelope []byte, change func(*parts) error) ([]byte, error) {
	var message cose.Sign1Message
	if err := message.UnmarshalCBOR(envelope); err != nil {
		return nil, err
	}
	timestamp, _ := message.Headers.Unprotected[headerTimestamp].([]byte) // absent: nil
	p := &parts{payload: message.Payload, signature: message.Signature, timestamp: timestamp}
	if err := change(p); err != nil {
		return nil, err
	}
	message.Payload, message.Signature = p.payload, p.signature
	message.Headers.RawUnprotected = nil // encode the edited map, not the original bytes
	delete(message.Headers.Unprotected, headerTimestamp)
	if len(p.timestamp) > 0 {
		message.Headers.Unprotected[headerTimestamp] = p.timestamp
	}
	return message.MarshalCBOR()
}

// rawURL is base64url without padding in JSON, as JWS has it.
type rawURL []byte

// UnmarshalText decodes base64url.
func (r *rawURL) UnmarshalText(text []byte) (err error) {
	*r, err = base64.RawURLEncoding.DecodeString(string(text))
	return err
}

// MarshalText encodes base64url.
func (r rawURL) MarshalText() ([]byte, error) {
	return []byte(base64.RawURLEncoding.EncodeToString(r)), nil
}
