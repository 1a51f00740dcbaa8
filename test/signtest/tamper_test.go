// SPDX-License-Identifier: Apache-2.0

package signtest_test

import (
	"bytes"
	"testing"

	"github.com/notaryproject/notation-core-go/signature"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// Tampering changes what it says and nothing else.
func TestTamperingIsPrecise(t *testing.T) {
	t.Parallel()
	leaf := newLeaf(t, newCA(t, signtest.CAOptions{}), signtest.LeafOptions{})
	for _, format := range signtest.Formats() {
		env := sign(t, leaf, subject("app"), signtest.SignOptions{Format: format})
		before := contentOf(t, env)
		for name, tt := range map[string]struct {
			change             func(signtest.Envelope) (signtest.Envelope, error)
			payload, signature int // bytes that differ
		}{
			"FlipPayload":      {signtest.FlipPayload, 1, 0},
			"FlipSignature":    {signtest.FlipSignature, 0, 1},
			"WithoutTimestamp": {signtest.WithoutTimestamp, 0, 0},
		} {
			after := contentOf(t, tamper(t, tt.change, env))
			if got := differing(before.Payload.Content, after.Payload.Content); got != tt.payload {
				t.Errorf("%s, %s: %d bytes of the payload differ, want %d", name, format, got, tt.payload)
			}
			if got := differing(before.SignerInfo.Signature, after.SignerInfo.Signature); got != tt.signature {
				t.Errorf("%s, %s: %d bytes of the signature differ, want %d", name, format, got, tt.signature)
			}
		}
	}
}

func TestTimestampCanBeReplaced(t *testing.T) {
	t.Parallel()
	leaf := newLeaf(t, newCA(t, signtest.CAOptions{}), signtest.LeafOptions{})
	for _, format := range signtest.Formats() {
		env, err := signtest.WithTimestamp(sign(t, leaf, subject("app"), signtest.SignOptions{Format: format}), []byte("token"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := signtest.Timestamp(env); err != nil || string(got) != "token" {
			t.Errorf("%s: timestamp: got %q, %v, want token", format, got, err)
		}
		if got := contentOf(t, env).SignerInfo.UnsignedAttributes.TimestampSignature; string(got) != "token" {
			t.Errorf("%s: timestamp that notation reads: got %q, want token", format, got)
		}
	}
}

func TestTamperingNeedsAnEnvelope(t *testing.T) {
	t.Parallel()
	leaf := newLeaf(t, newCA(t, signtest.CAOptions{}), signtest.LeafOptions{})
	for _, mediaType := range []string{string(signtest.JWS), string(signtest.COSE), "text/plain"} {
		env := signtest.Envelope{MediaType: mediaType, Bytes: []byte("no envelope")}
		if _, err := signtest.FlipSignature(env); err == nil {
			t.Errorf("%s: tampered with what is no envelope", mediaType)
		}
		if _, err := leaf.Resign(env, func(*signtest.Contents) {}); err == nil {
			t.Errorf("%s: signed what is no envelope", mediaType)
		}
	}
	withoutDigest := sign(t, leaf, subject("app"), signtest.SignOptions{Payload: []byte("{}")})
	if _, err := signtest.FlipPayload(withoutDigest); err == nil {
		t.Error("flipped a digest that is not there")
	}
}

func contentOf(t *testing.T, env signtest.Envelope) *signature.EnvelopeContent {
	t.Helper()
	parsed, err := signature.ParseEnvelope(env.MediaType, env.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	content, err := parsed.Content()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// differing counts the positions at which a and b differ, or -1 for different lengths.
func differing(a, b []byte) int {
	if len(a) != len(b) {
		return -1
	}
	n := 0
	for i := range a {
		if !bytes.Equal(a[i:i+1], b[i:i+1]) {
			n++
		}
	}
	return n
}
