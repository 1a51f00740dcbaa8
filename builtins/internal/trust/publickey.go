// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
)

// RSA keys between these sizes are trusted, in bits. Shorter ones can be
// factored in reach of a state, longer ones cost time and no signer makes them.
const (
	minModulus = 2048
	maxModulus = 4096
)

const writePublicKey = "write -----BEGIN PUBLIC KEY----- blocks and nothing else, as cosign public-key prints them"

// publicKey is a key and its SubjectPublicKeyInfo.
type publicKey struct {
	public crypto.PublicKey
	spki   []byte
}

// parsePublicKeys is as strict as parsePEM, for the same reason.
func parsePublicKeys(raw []byte, derAllowed bool) ([]publicKey, error) {
	if derAllowed && len(raw) > 0 && !bytes.Contains(raw, []byte("-----BEGIN")) {
		if isPrivateKey(raw) {
			return nil, privateKey("it")
		}
		k, err := parseSPKI(raw, "it")
		return []publicKey{k}, err
	}
	var keys []publicKey
	for rest := bytes.TrimSpace(raw); len(rest) > 0 || len(keys) == 0; {
		n := len(keys) + 1
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, withRemedy(strayText(rest, len(keys)), writePublicKey)
		}
		block, after := pem.Decode(rest)
		if block == nil || skipped(rest, after) {
			return nil, withRemedy(damaged(rest, n), "copy the key again, whole")
		}
		k, err := parseKeyBlock(block, fmt.Sprintf("PEM block %d", n))
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
		rest = bytes.TrimSpace(after)
	}
	return keys, nil
}

func parseKeyBlock(block *pem.Block, what string) (publicKey, error) {
	switch {
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return publicKey{}, privateKey(what)
	case block.Type == "CERTIFICATE":
		return publicKey{}, &Error{Problem: what + " is a CERTIFICATE, not a public key", Remedy: "put its authority into trusted_root and its owner into identities, or extract the key: openssl x509 -pubkey -noout"}
	case block.Type == "RSA PUBLIC KEY":
		return publicKey{}, &Error{Problem: what + " is an RSA PUBLIC KEY block (PKCS #1)", Remedy: "convert it: openssl rsa -RSAPublicKey_in -pubout"}
	case block.Type != "PUBLIC KEY":
		return publicKey{}, &Error{Problem: fmt.Sprintf("%s is a %q block, not a PUBLIC KEY", what, block.Type), Remedy: writePublicKey}
	}
	return parseSPKI(block.Bytes, what)
}

func privateKey(what string) error {
	return &Error{Problem: what + " is a PRIVATE KEY", Remedy: "remove it from here at once and replace the key: a trust document holds public keys (cosign public-key prints it)"}
}

func parseSPKI(der []byte, what string) (publicKey, error) {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return publicKey{}, &Error{Problem: fmt.Sprintf("%s is not a public key (PKIX): %v", what, err), Remedy: writePublicKey}
	}
	if problem := unfit(public); problem != "" {
		return publicKey{}, &Error{Problem: what + " " + problem, Remedy: "use ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of 2048 to 4096 bits"}
	}
	return publicKey{public: public, spki: der}, nil
}

// unfit says why nobody should sign with a key, "" if it is fit.
func unfit(public crypto.PublicKey) string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		bits := k.N.BitLen()
		switch {
		case bits < minModulus:
			return fmt.Sprintf("is an RSA key of %d bits, which is too weak", bits)
		case bits > maxModulus:
			return fmt.Sprintf("is an RSA key of %d bits; at most %d are supported", bits, maxModulus)
		}
		return ""
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() && k.Curve != elliptic.P521() {
			return "is an ECDSA key on the curve " + k.Params().Name
		}
		return ""
	case ed25519.PublicKey:
		return ""
	}
	return fmt.Sprintf("is a key of an unsupported kind (%T)", public)
}

func isEd25519(public crypto.PublicKey) bool {
	_, is := public.(ed25519.PublicKey)
	return is
}

// withRemedy replaces advice that is about certificates.
func withRemedy(err error, remedy string) error {
	if e, ok := err.(*Error); ok && !strings.HasPrefix(e.Remedy, "unescape") && !strings.HasPrefix(e.Remedy, `write {"file"`) { //nolint:errorlint // made here, never wrapped
		return &Error{Problem: e.Problem, Remedy: remedy}
	}
	return err
}
