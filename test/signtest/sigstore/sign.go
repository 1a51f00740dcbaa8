// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	rekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
)

// Layout is how a signature is written and where it is kept.
type Layout string

// The layouts. The empty Layout is Bundle.
const (
	// Bundle is a Sigstore bundle v0.3 in an OCI 1.1 referrer: cosign v3 by default,
	// cosign v2.6 with --new-bundle-format.
	Bundle Layout = "bundle v0.3"
	// BundleV02 and BundleV01 are the same with earlier encodings.
	BundleV02 Layout = "bundle v0.2"
	BundleV01 Layout = "bundle v0.1"
	// Tag is a manifest under the tag sha256-<hex>.sig, or .att for attestations:
	// cosign v1 and v2 by default.
	Tag Layout = "tag"
	// Referrer is the same as an OCI 1.1 referrer: cosign v2 with
	// --registry-referrers-mode=oci-1-1.
	Referrer Layout = "referrer"
)

// Layouts are all layouts, for tests that range over them.
func Layouts() []Layout { return []Layout{Bundle, BundleV02, BundleV01, Tag, Referrer} }

// SignOptions says what is different about a signature.
type SignOptions struct {
	// Layout of the signature. Empty: Bundle.
	Layout Layout
	// PredicateType makes an attestation of this type. Empty: a signature.
	PredicateType string
	// Predicate is the content of an attestation. Nil: {}.
	Predicate any
	// Digests are signed in place of the subject's, to lie. Simple signing has room
	// for one.
	Digests []digest.Digest
	// Annotations are signed along.
	Annotations map[string]string
	// Reference is the name that is signed along, "registry/repository". Empty: ""
	// from [Signer.Sign], the repository from [Signer.SignAndAttach].
	Reference string
	// Payload is signed in place of everything above, to be malformed.
	Payload []byte
	// PayloadType replaces the DSSE payload type, to be wrong.
	PayloadType string
	// Log records the signature. Nil: the instance's Log for a certificate, nobody
	// for a bare key.
	Log *Log
	// InToto logs an attestation with an entry of kind intoto of this version in place of
	// dsse: "0.0.1" as cosign v1 did and v2 does with --rekor-entry-type=intoto, "0.0.2"
	// as other clients. Empty: dsse.
	InToto string
	// NoLog does without.
	NoLog bool
	// TSA countersigns the signature. Nil: the instance's for a certificate, nobody
	// for a bare key.
	TSA *TSA
	// NoTimestamp does without.
	NoTimestamp bool
	// At is what log and TSA say the time is. Zero: what their clocks say.
	At time.Time
}

func (o SignOptions) legacy() bool { return o.Layout == Tag || o.Layout == Referrer }

// Signature is what a signer made, before it is written. Its fields may be changed, to
// be what no signer would make.
type Signature struct {
	// Layout it was made for.
	Layout Layout
	// PredicateType is what the manifest says about the payload, unsigned.
	PredicateType string
	// PayloadType of DSSE. Empty: the payload is signed as it is.
	PayloadType string
	// Payload is what is signed.
	Payload []byte
	// Sig is the signature.
	Sig []byte
	// Hint is the key hint of a bundle.
	Hint string
	// Entries are those of transparency logs.
	Entries []*rekor.TransparencyLogEntry
	// Timestamps are RFC 3161 time-stamp responses, DER.
	Timestamps [][]byte
	// Raw, if not nil, is stored in place of the encoded signature.
	Raw []byte

	signer *Signer
}

// Sign signs subject.
func (s *Signer) Sign(subject ocispec.Descriptor, o SignOptions) (*Signature, error) {
	o.Layout = cmp.Or(o.Layout, Bundle)
	payload, payloadType, err := o.payload(subject.Digest)
	if err != nil {
		return nil, err
	}
	return s.vouch(&Signature{
		Layout:        o.Layout,
		PredicateType: cmp.Or(o.PredicateType, PredicateSignature),
		PayloadType:   payloadType,
		Payload:       payload,
	}, o)
}

// SignBlob signs any bytes, as `cosign sign-blob` does: the bundle holds the signature
// and the digest of the blob.
func (s *Signer) SignBlob(blob []byte, o SignOptions) (*Signature, error) {
	return s.vouch(&Signature{Layout: cmp.Or(o.Layout, Bundle), Payload: blob}, o)
}

// vouch signs, has the signature timestamped and then logged.
func (s *Signer) vouch(sig *Signature, o SignOptions) (_ *Signature, err error) {
	sig.signer, sig.Hint = s, s.Hint()
	if sig.Sig, err = s.sign(sig.signed()); err != nil {
		return nil, err
	}
	log, tsa := o.Log, o.TSA
	if s.instance != nil {
		log, tsa = cmp.Or(log, s.instance.Log), cmp.Or(tsa, s.instance.TSA)
	}
	if tsa != nil && !o.NoTimestamp {
		token, err := tsa.countersign(sig.countersigned(), o.At)
		if err != nil {
			return nil, err
		}
		sig.Timestamps = [][]byte{token}
	}
	if log != nil && !o.NoLog {
		entry, err := log.enter(sig, o)
		if err != nil {
			return nil, err
		}
		sig.Entries = []*rekor.TransparencyLogEntry{entry}
	}
	return sig, nil
}

// signed are the bytes that the key signs.
//
// Spec: DSSE v1.0, "Signature Definition".
func (sig *Signature) signed() []byte {
	if sig.PayloadType == "" {
		return sig.Payload
	}
	var pae bytes.Buffer
	fmt.Fprintf(&pae, "DSSEv1 %d %s %d ", len(sig.PayloadType), sig.PayloadType, len(sig.Payload))
	pae.Write(sig.Payload)
	return pae.Bytes()
}

// countersigned are the bytes that a timestamp is for: the signature; but cosign v2 has
// the whole envelope timestamped when it attests without a bundle.
func (sig *Signature) countersigned() []byte {
	if sig.PayloadType == "" || !sig.legacy() {
		return sig.Sig
	}
	return sig.envelopeJSON()
}

func (sig *Signature) legacy() bool { return sig.Layout == Tag || sig.Layout == Referrer }

// envelope is a DSSE envelope.
//
// Spec: DSSE v1.0, "Data structure".
type envelope struct {
	PayloadType string              `json:"payloadType"`
	Payload     []byte              `json:"payload"`
	Signatures  []envelopeSignature `json:"signatures"`
}

type envelopeSignature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

func (sig *Signature) envelopeJSON() []byte {
	raw, err := json.Marshal(envelope{
		PayloadType: sig.PayloadType,
		Payload:     sig.Payload,
		Signatures:  []envelopeSignature{{Sig: sig.Sig}},
	})
	if err != nil {
		panic(err) // strings and bytes only
	}
	return raw
}
