// SPDX-License-Identifier: Apache-2.0

package azurekeyvault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// jsonWebKey is a public key as the service answers; "-HSM" says where the private
// one is.
//
// Spec: RFC 7517, section 4; RFC 7518, sections 6.2 and 6.3.
type jsonWebKey struct {
	ID    string `json:"kid"`
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y"`
	N     string `json:"n"`
	E     string `json:"e"`
}

// pem returns the key as PEM, "PUBLIC KEY".
func (k jsonWebKey) pem() ([]byte, error) {
	public, err := k.public()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("the key cannot be encoded: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

func (k jsonWebKey) public() (any, error) {
	switch strings.TrimSuffix(k.Type, "-HSM") {
	case "EC":
		return k.ec()
	case "RSA":
		return k.rsa()
	case "oct":
		return nil, errors.New("it is a symmetric key, which signs nothing")
	}
	return nil, fmt.Errorf("key type %q: expected EC or RSA", k.Type)
}

func (k jsonWebKey) ec() (any, error) {
	var curve elliptic.Curve
	switch k.Curve {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil, fmt.Errorf("curve %q: signatures are made with P-256, P-384 or P-521", k.Curve)
	}
	size := (curve.Params().BitSize + 7) / 8
	x, errX := coordinate(k.X, size)
	y, errY := coordinate(k.Y, size)
	if err := errors.Join(errX, errY); err != nil {
		return nil, err
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, errors.New("its point is not on its curve")
	}
	return public, nil
}

// coordinate decodes a number to exactly size bytes.
func coordinate(s string, size int) ([]byte, error) {
	n, err := number(s)
	if err != nil || n.BitLen() > size*8 {
		return nil, errors.New("a coordinate of the key is no number of its curve")
	}
	return n.FillBytes(make([]byte, size)), nil
}

// The sizes of an RSA key, in bits, that are worth trusting and checking.
const (
	minRSABits = 2048
	maxRSABits = 16384
)

func (k jsonWebKey) rsa() (any, error) {
	n, errN := number(k.N)
	e, errE := number(k.E)
	switch {
	case errN != nil || errE != nil:
		return nil, errors.New("modulus or exponent of the key is no number")
	case n.BitLen() < minRSABits || n.BitLen() > maxRSABits:
		return nil, fmt.Errorf("RSA key of %d bits: expected %d to %d", n.BitLen(), minRSABits, maxRSABits)
	case e.BitLen() > 31 || e.Int64() < 3 || e.Bit(0) == 0:
		return nil, errors.New("the exponent of the key is not an odd number of at most 31 bits")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

func number(s string) (*big.Int, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil || len(raw) == 0 || len(raw) > maxRSABits/8+1 {
		return nil, errors.New("not a number")
	}
	return new(big.Int).SetBytes(raw), nil
}
