// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/sigstore/sigstore/pkg/signature"
)

// tokens are those handed out, by value.
type tokens struct {
	mu    sync.Mutex
	known map[string]CertificateOptions
}

// Token is an OIDC token that stands for the identity of a certificate: who shows it to
// the instance's certificate authority gets that certificate for a key of their own.
func (i *Instance) Token(o CertificateOptions) (string, error) {
	serial, err := newSerial()
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": cmp.Or(o.Issuer, defaultIssuer),
		"sub": cmp.Or(o.Identity, defaultIdentity),
		"aud": "sigstore",
		"jti": serial.String(),
		"iat": i.now().Unix(),
		"exp": i.now().Add(decade).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("encode token: %w", err)
	}
	token, err := signToken(claims)
	if err != nil {
		return "", err
	}
	i.tokens.mu.Lock()
	defer i.tokens.mu.Unlock()
	if i.tokens.known == nil {
		i.tokens.known = make(map[string]CertificateOptions)
	}
	i.tokens.known[token] = o
	return token, nil
}

// signToken is a JSON Web Token, signed by a key that nobody looks for: the instance
// knows its tokens by value.
//
// Spec: RFC 7515, section 3.1; RFC 7518, section 3.3.
func signToken(claims []byte) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed + "." + encode(sig), nil
}

// certificateRequest is what Fulcio is asked.
type certificateRequest struct {
	PublicKeyRequest struct {
		PublicKey struct {
			Content string `json:"content"` // PEM
		} `json:"publicKey"`
		ProofOfPossession []byte `json:"proofOfPossession"` // signature of the token's subject
	} `json:"publicKeyRequest"`
}

func (i *Instance) answerCertificate(req *http.Request, body []byte) (*answer, error) {
	i.tokens.mu.Lock()
	o, known := i.tokens.known[strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")]
	i.tokens.mu.Unlock()
	if !known {
		return nil, fmt.Errorf("certify: the token is none of this instance")
	}
	var request certificateRequest
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	block, _ := pem.Decode([]byte(request.PublicKeyRequest.PublicKey.Content))
	if block == nil {
		return nil, fmt.Errorf("read public key: no PEM")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	verifier, err := signature.LoadDefaultVerifier(public)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	subject := cmp.Or(o.Identity, defaultIdentity)
	proof := request.PublicKeyRequest.ProofOfPossession
	if err := verifier.VerifySignature(bytes.NewReader(proof), strings.NewReader(subject)); err != nil {
		return nil, fmt.Errorf("verify possession of key: %w", err)
	}
	chain, err := i.chain(o, public)
	if err != nil {
		return nil, err
	}
	var certificates []string
	for _, cert := range chain {
		certificates = append(certificates, string(certificatesPEM([]*x509.Certificate{cert})))
	}
	raw, err := json.Marshal(map[string]any{"signedCertificateEmbeddedSct": map[string]any{
		"chain": map[string]any{"certificates": certificates},
	}})
	return &answer{status: http.StatusOK, contentType: "application/json", body: raw}, err
}
