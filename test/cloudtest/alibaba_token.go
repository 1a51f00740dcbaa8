// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"time"
)

// claims are those of a service account's token.
type claims struct {
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
}

// ServiceAccountToken is what the cluster projects into the pod. The role trusts
// [AlibabaSubject] and the audience sts.aliyuncs.com.
func (a *Alibaba) ServiceAccountToken(subject, audience string, life time.Duration) string {
	payload, err := json.Marshal(claims{Subject: subject, Audience: audience, Expires: a.Now().Add(life).Unix()})
	if err != nil {
		panic(err)
	}
	text := encode([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + encode(payload)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, a.issuer, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// judge returns why a token is refused.
func (a *Alibaba) judge(token string) (code, message string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "InvalidParameter.OIDCToken", "The OIDC token is invalid."
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || len(signature) != 64 || !ecdsa.Verify(&a.issuer.PublicKey, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return "AuthenticationFail.OIDCToken.SignatureInvalid", "The signature of the OIDC token is invalid."
	}
	var c claims
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return "InvalidParameter.OIDCToken", "The OIDC token is invalid."
	}
	switch {
	case a.Now().Unix() >= c.Expires:
		return "AuthenticationFail.OIDCToken.Expired", "This JWT Token has expired."
	case c.Audience != "sts.aliyuncs.com":
		return "AuthenticationFail.OIDCToken.AudienceNotMatched", "The audience of the OIDC token does not match."
	case c.Subject != AlibabaSubject:
		return "AuthenticationFail.NoPermission", "This operation is forbidden by permission system."
	}
	return "", ""
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
