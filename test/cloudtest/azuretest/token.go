// SPDX-License-Identifier: Apache-2.0

package azuretest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// key signs JSON web tokens of one kind with HS256, so that no stand-in accepts
// another's tokens, or made-up ones.
type key []byte

func newKey() key { return key(rand.Text()) }

type claims struct {
	Issuer   string `json:"iss,omitempty"`
	Subject  string `json:"sub,omitempty"`
	Audience string `json:"aud,omitempty"`
	Tenant   string `json:"tid,omitempty"`
	Scope    string `json:"scope,omitempty"`
	ID       string `json:"jti,omitempty"`
	Expires  int64  `json:"exp"`
}

func (k key) sign(c claims) string {
	raw, err := json.Marshal(c)
	if err != nil {
		panic(err) // of strings and numbers
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(raw)
	return signed + "." + k.mac(signed)
}

func (k key) verify(token string) (claims, bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 || !hmac.Equal([]byte(k.mac(token[:i])), []byte(token[i+1:])) {
		return claims{}, false
	}
	_, payload, _ := strings.Cut(token[:i], ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	var c claims
	ok := err == nil && json.Unmarshal(raw, &c) == nil
	return c, ok
}

func (k key) mac(signed string) string {
	m := hmac.New(sha256.New, k)
	m.Write([]byte(signed))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
