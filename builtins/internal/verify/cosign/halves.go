// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/asn1"
	"io"
	"math/big"
	"slices"

	"github.com/sigstore/sigstore/pkg/signature"
)

// halves verifies RSA signatures also if they are written as ASN.1 integers, one for
// each half: cosign takes whatever a key in Azure Key Vault signed for r‖s.
//
// Spec: https://github.com/sigstore/sigstore/issues/1384.
type halves struct {
	signature.Verifier

	size int // of a signature, bytes
}

// joining adds that to the verifier of an RSA key.
func joining(v signature.Verifier, public crypto.PublicKey) signature.Verifier {
	if k, ok := public.(*rsa.PublicKey); ok {
		return halves{v, k.Size()}
	}
	return v
}

// VerifySignature implements [signature.Verifier].
func (h halves) VerifySignature(sig, message io.Reader, o ...signature.VerifyOption) error {
	raw, err := io.ReadAll(sig)
	if err != nil {
		return err
	}
	return h.Verifier.VerifySignature(bytes.NewReader(h.joined(raw)), message, o...)
}

// joined returns what is no pair of halves, and nothing else, as it is.
func (h halves) joined(raw []byte) []byte {
	var pair struct{ R, S *big.Int }
	if len(raw) == h.size {
		return raw
	}
	if _, err := asn1.Unmarshal(raw, &pair); err != nil {
		return raw
	}
	half := h.size / 2
	if pair.R.Sign() < 0 || pair.S.Sign() < 0 || pair.R.BitLen() > 8*half || pair.S.BitLen() > 8*half {
		return raw
	}
	if der, err := asn1.Marshal(pair); err != nil || !bytes.Equal(der, raw) {
		return raw
	}
	return slices.Concat(pair.R.FillBytes(make([]byte, half)), pair.S.FillBytes(make([]byte, half)))
}
