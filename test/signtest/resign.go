// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"
)

// Contents are what an envelope says, for signing something no signer would sign.
// Members of Protected have their JWS names in both formats: "alg", "crit", "cty" and
// the "io.cncf.notary." ones.
type Contents struct {
	Protected map[string]any
	Payload   []byte
	// Chain are the certificates in DER, the signing certificate first.
	Chain [][]byte
}

// Resign signs what change makes of an envelope, without any of the checks that signing
// libraries do. The signature is good; what is wrong is what change did.
func (s *Signer) Resign(env Envelope, change func(*Contents)) (Envelope, error) {
	resigned, err := []byte(nil), fmt.Errorf("unknown media type %q", env.MediaType)
	switch Format(env.MediaType) {
	case JWS:
		resigned, err = s.resignJWS(env.Bytes, change)
	case COSE:
		resigned, err = s.resignCOSE(env.Bytes, change)
	}
	if err != nil {
		return Envelope{}, fmt.Errorf("sign envelope again: %w", err)
	}
	return Envelope{MediaType: env.MediaType, Bytes: resigned}, nil
}

func (s *Signer) resignJWS(envelope []byte, change func(*Contents)) ([]byte, error) {
	var e struct {
		Payload   rawURL         `json:"payload"`
		Protected rawURL         `json:"protected"`
		Header    map[string]any `json:"header"`
		Signature rawURL         `json:"signature"`
	}
	if err := json.Unmarshal(envelope, &e); err != nil {
		return nil, err
	}
	c := &Contents{Payload: e.Payload, Chain: s.rawChain()}
	if err := json.Unmarshal(e.Protected, &c.Protected); err != nil {
		return nil, err
	}
	change(c)
	protected, err := json.Marshal(c.Protected)
	if err != nil {
		return nil, err
	}
	e.Protected, e.Payload, e.Header["x5c"] = protected, c.Payload, c.Chain
	encode := base64.RawURLEncoding.EncodeToString
	if e.Signature, err = s.rawSign([]byte(encode(protected) + "." + encode(c.Payload))); err != nil {
		return nil, err
	}
	return json.Marshal(e)
}

func (s *Signer) resignCOSE(envelope []byte, change func(*Contents)) ([]byte, error) {
	var message cose.Sign1Message
	if err := message.UnmarshalCBOR(envelope); err != nil {
		return nil, err
	}
	c := &Contents{Protected: make(map[string]any), Payload: message.Payload, Chain: s.rawChain()}
	for label, value := range message.Headers.Protected {
		c.Protected[nameOf(label)] = value
	}
	change(c)
	protected, err := encodeProtected(c.Protected)
	if err != nil {
		return nil, err
	}
	signer, err := cose.NewSigner(s.algorithm(), s.Key)
	if err != nil {
		return nil, err
	}
	// The raw header is what is signed and sent; the map must only please Sign.
	message.Headers.RawProtected = protected
	message.Headers.Protected.SetAlgorithm(s.algorithm())
	message.Headers.RawUnprotected = nil
	message.Headers.Unprotected[cose.HeaderLabelX5Chain] = c.Chain
	message.Payload, message.Signature = c.Payload, nil
	if err := message.Sign(rand.Reader, nil, signer); err != nil {
		return nil, err
	}
	return message.MarshalCBOR()
}

// encodeProtected encodes a protected header as the byte string it is sent as, with
// times as the specification wants them. It does not check the header, as the library
// would.
//
// Spec: RFC 9052, section 3; Notary Project COSE envelope, "Protected Headers".
func encodeProtected(members map[string]any) ([]byte, error) {
	options := cbor.CoreDetEncOptions()
	options.Time, options.TimeTag = cbor.TimeUnix, cbor.EncTagRequired
	mode, err := options.EncMode()
	if err != nil {
		return nil, err
	}
	header := make(map[any]any)
	for name, value := range members {
		header[labelOf(name)] = value
	}
	encoded, err := mode.Marshal(header)
	if err != nil {
		return nil, err
	}
	return mode.Marshal(encoded)
}

// rawSign signs as JWS does: RSASSA-PSS, or r and s of ECDSA side by side (RFC 7518),
// which is also what COSE does (RFC 9053).
func (s *Signer) rawSign(content []byte) ([]byte, error) {
	signer, err := cose.NewSigner(s.algorithm(), s.Key)
	if err != nil {
		return nil, err
	}
	return signer.Sign(rand.Reader, content)
}

// algorithm is the one the specification assigns to the key.
//
// Spec: Notary Project signature specification v1.1.0, "Signature Algorithm Requirements".
func (s *Signer) algorithm() cose.Algorithm {
	switch key := s.Key.(type) {
	case *ecdsa.PrivateKey:
		return map[int]cose.Algorithm{256: cose.AlgorithmES256, 384: cose.AlgorithmES384, 521: cose.AlgorithmES512}[key.Params().BitSize]
	case *rsa.PrivateKey:
		return map[int]cose.Algorithm{2048: cose.AlgorithmPS256, 3072: cose.AlgorithmPS384, 4096: cose.AlgorithmPS512}[key.N.BitLen()]
	default:
		return cose.AlgorithmReserved
	}
}

func (s *Signer) rawChain() [][]byte {
	var chain [][]byte
	for _, cert := range s.Chain {
		chain = append(chain, cert.Raw)
	}
	return chain
}

// labelOf is the COSE label of a header member that has a name of its own in JWS.
func labelOf(name string) any {
	switch name {
	case "alg":
		return cose.HeaderLabelAlgorithm
	case "crit":
		return cose.HeaderLabelCritical
	case "cty":
		return cose.HeaderLabelContentType
	default:
		return name
	}
}

// nameOf is the inverse of labelOf.
func nameOf(label any) string {
	for _, name := range []string{"alg", "crit", "cty"} {
		if labelOf(name) == label {
			return name
		}
	}
	return fmt.Sprint(label)
}
