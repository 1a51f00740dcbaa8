// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"

	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// Ed25519 is a kind of key that Cosign knows and the Notary Project does not.
const Ed25519 signtest.KeyKind = "Ed25519"

// KeyKinds are all kinds of keys, for tests that range over them. RSA keys take seconds
// to make under the race detector.
func KeyKinds() []signtest.KeyKind {
	return []signtest.KeyKind{
		signtest.ECP256, signtest.ECP384, signtest.ECP521,
		signtest.RSA2048, signtest.RSA3072, signtest.RSA4096, Ed25519,
	}
}

// KeyOptions says what is different about a key.
type KeyOptions struct {
	// Kind of the key. Empty: ECP256.
	Kind signtest.KeyKind
	// Hash of what is signed. Zero: SHA-256, but SHA-384 and SHA-512 for ECP384 and
	// ECP521, as Sigstore's algorithm registry has it and cosign v2.6 and v3 sign.
	// Earlier ones signed with SHA-256 whatever the key. Ed25519 has no choice.
	Hash crypto.Hash
	// PSS signs with RSASSA-PSS in place of PKCS #1 v1.5.
	PSS bool
	// Halves writes an RSA signature as the ASN.1 of its two halves, as cosign does with
	// keys in Azure Key Vault: https://github.com/sigstore/sigstore/issues/1384.
	Halves bool
	// Prehash signs with Ed25519ph in place of Ed25519.
	Prehash bool
}

// Signer is a private key, bare or with the certificate of an [Instance].
type Signer struct {
	// Key is an *ecdsa.PrivateKey, an *rsa.PrivateKey or an ed25519.PrivateKey.
	Key crypto.Signer
	// Chain is the signing certificate first, the root last. Empty: a bare key.
	Chain []*x509.Certificate

	options  KeyOptions
	signer   signature.Signer
	instance *Instance // nil for a bare key
}

// NewKey makes a signer with a bare key.
func NewKey(o KeyOptions) (*Signer, error) {
	key, err := newPrivateKey(o.Kind)
	if err != nil {
		return nil, err
	}
	return SignerOf(key, o)
}

// SignerOf is a signer with a key that is there already; its kind is not looked at.
func SignerOf(key crypto.Signer, o KeyOptions) (*Signer, error) {
	signer, err := loadSigner(key, o)
	if err != nil {
		return nil, fmt.Errorf("use key: %w", err)
	}
	return &Signer{Key: key, options: o, signer: signer}, nil
}

// PEM is the public key, as `cosign public-key` prints it and a trust document holds it.
func (s *Signer) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: s.publicDER()}))
}

// Hint is what a bundle says about the key it was made with: the SHA-256 sum of the
// public key (PKIX, DER) in base64.
func (s *Signer) Hint() string {
	sum := sha256.Sum256(s.publicDER())
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Hash is the hash function of the signer's signatures; zero for Ed25519.
func (s *Signer) Hash() crypto.Hash { return hashOf(s.Key.Public(), s.options.Hash) }

func (s *Signer) sign(data []byte) ([]byte, error) {
	sig, err := s.signer.SignMessage(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if s.options.Halves {
		half := len(sig) / 2
		return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:])})
	}
	return sig, nil
}

// materialPEM is what is logged about the signer: its certificate, or else its key.
func (s *Signer) materialPEM() []byte {
	if len(s.Chain) == 0 {
		return []byte(s.PEM())
	}
	return certificatesPEM(s.Chain[:1])
}

func (s *Signer) publicDER() []byte {
	der, err := x509.MarshalPKIXPublicKey(s.Key.Public())
	if err != nil {
		panic(err) // all kinds of keys can be encoded
	}
	return der
}

func newPrivateKey(kind signtest.KeyKind) (crypto.Signer, error) {
	if kind != Ed25519 {
		return signtest.NewKey(kind)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

func loadSigner(key crypto.Signer, o KeyOptions) (signature.Signer, error) {
	hash := hashOf(key.Public(), o.Hash)
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return signature.LoadECDSASigner(key, hash)
	case *rsa.PrivateKey:
		if o.PSS {
			return signature.LoadRSAPSSSigner(key, hash, nil)
		}
		return signature.LoadRSAPKCS1v15Signer(key, hash)
	case ed25519.PrivateKey:
		if o.Prehash {
			return signature.LoadED25519phSigner(key)
		}
		return signature.LoadED25519Signer(key)
	default:
		return nil, fmt.Errorf("unknown kind of key %T", key)
	}
}

// hashOf is the hash a key signs with, if wanted is zero.
func hashOf(public crypto.PublicKey, wanted crypto.Hash) crypto.Hash {
	switch key := public.(type) {
	case ed25519.PublicKey:
		return 0
	case *ecdsa.PublicKey:
		switch key.Params().BitSize {
		case 384:
			return cmp.Or(wanted, crypto.SHA384)
		case 521:
			return cmp.Or(wanted, crypto.SHA512)
		}
	}
	return cmp.Or(wanted, crypto.SHA256)
}

func certificatesPEM(certs []*x509.Certificate) []byte {
	var out []byte
	for _, cert := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return out
}
