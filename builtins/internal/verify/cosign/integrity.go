// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	sigverify "github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

var errNotVerified = errors.New("the signature does not verify")

// findKeys tries each trusted key, whatever key or certificate came with the
// signature.
func (j *judgement) findKeys() {
	j.material = j.trust.Root
	for i := range j.trust.Keys {
		k := &j.trust.Keys[i]
		v, err := j.signedBy(k.Public, k.Hash)
		if err != nil {
			continue
		}
		j.keys = append(j.keys, k)
		j.material = materialOf(j.trust.Root, v)
	}
	if len(j.keys) > 0 {
		j.key = j.keys[0]
	}
	if j.material == nil {
		j.material = &root.BaseTrustedMaterial{}
	}
}

// integrity: the signature is by a trusted key, or by the key of its own
// certificate, whose owner is judged later.
func (j *judgement) integrity() *report.Error {
	switch {
	case len(j.keys) > 0:
		return nil
	case j.signed.leaf == nil:
		return j.unknownKey()
	case len(j.trust.Identities) == 0:
		return finding(report.UntrustedKey, "it is signed with a certificate of %s; the trust document trusts only %s", j.owner(), j.trusted())
	}
	if _, err := j.signedBy(j.signed.leaf.PublicKey, 0); err != nil {
		return finding(report.InvalidSignature, "the signature is not by the key of its certificate, or its content was changed since: %s", report.OneLine(err.Error()))
	}
	return nil
}

// unknownKey tells a stranger's key from changed content, as far as the hint
// that came with the signature allows.
func (j *judgement) unknownKey() *report.Error {
	hint := j.signed.proofs.GetVerificationMaterial().GetPublicKey().GetHint()
	if len(j.trust.Keys) == 0 {
		return finding(report.UntrustedIdentity, "it is signed with a bare key (hint %q), which has no identity; the trust document wants %s", report.OneLine(hint), j.identities())
	}
	for i := range j.trust.Keys {
		if k := &j.trust.Keys[i]; hint != "" && hints(k.Fingerprint, hint) {
			return finding(report.InvalidSignature, "it names the trusted %s, but that did not make this signature: its content was changed since%s", nameOf(k), j.needsBytes(k.Public))
		}
	}
	named := ""
	if hint != "" {
		named = fmt.Sprintf(" (it names a key with hint %q)", report.OneLine(hint))
	}
	return finding(report.UntrustedKey, "no trusted key made the signature%s; the trust document trusts %s%s", named, j.trusted(), j.needsBytesOfAny())
}

// hints reports whether a hint, as cosign writes it, is a key's fingerprint.
func hints(fingerprint, hint string) bool {
	sum, err := hex.DecodeString(strings.TrimPrefix(fingerprint, "sha256:"))
	return err == nil && len(sum) == sha256.Size && (base64.StdEncoding.EncodeToString(sum) == hint || strings.EqualFold(hex.EncodeToString(sum), strings.TrimPrefix(hint, "sha256:")))
}

func (j *judgement) needsBytesOfAny() string {
	for i := range j.trust.Keys {
		if s := j.needsBytes(j.trust.Keys[i].Public); s != "" {
			return s
		}
	}
	return ""
}

func (j *judgement) needsBytes(public crypto.PublicKey) string {
	if _, is := public.(ed25519.PublicKey); is && j.overDigest() {
		return " (an Ed25519 signature over bytes can only be verified with the bytes, not with their digest)"
	}
	return ""
}

// overDigest reports that only the digest of what was signed is known.
func (j *judgement) overDigest() bool {
	return j.signed.proofs.GetMessageSignature() != nil && j.message() == nil
}

// message returns the bytes that a message signature is over: the simple signing
// payload, or the subject's if the caller has them and they are meant.
func (j *judgement) message() []byte {
	if j.signed.claims.payload != nil {
		return j.signed.claims.payload
	}
	if j.wanted.bytes != nil && len(j.signed.claims.subjects) == 1 && j.signed.claims.subjects[0].meet(j.wanted.subject) {
		return j.wanted.bytes
	}
	return nil
}

// signedBy returns the verifier by which the key made the signature.
func (j *judgement) signedBy(public crypto.PublicKey, hash crypto.Hash) (signature.Verifier, error) {
	err := errNotVerified
	for _, v := range verifiers(public, hash, j.overDigest()) {
		if err = j.check(materialOf(nil, v)); err == nil {
			return v, nil
		}
	}
	return nil, err
}

// check asks sigstore-go about the signature by the one key in material.
func (j *judgement) check(material root.TrustedMaterial) error {
	content, err := j.signed.entity.SignatureContent()
	if err != nil {
		return err
	}
	switch {
	case j.signed.proofs.GetDsseEnvelope() != nil:
		return sigverify.VerifySignature(content, &bundle.PublicKey{}, material)
	case j.message() != nil:
		return sigverify.VerifySignatureWithArtifacts(content, &bundle.PublicKey{}, material, []io.Reader{bytes.NewReader(j.message())})
	}
	m := content.MessageSignatureContent()
	return sigverify.VerifySignatureWithArtifactDigests(content, &bundle.PublicKey{}, material, []sigverify.ArtifactDigest{{Algorithm: m.DigestAlgorithm(), Digest: m.Digest()}})
}

// materialOf adds one key to a trusted root. When the key is valid is judged by
// validKey.
func materialOf(trusted root.TrustedMaterial, v signature.Verifier) root.TrustedMaterial {
	k := root.NewExpiringKey(v, time.Time{}, time.Time{})
	one := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return k, nil })
	if trusted == nil {
		return one
	}
	return root.TrustedMaterialCollection{one, trusted}
}

// verifiers are the ways in which a key signs, the most usual first. The plain
// Ed25519 of a digest is left out: the library would check the signature of
// nothing at all, which is the same for every subject.
func verifiers(public crypto.PublicKey, hash crypto.Hash, overDigest bool) []signature.Verifier {
	var loads [][]signature.LoadOption
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		for _, h := range hashesOf(hash, sizeHash(k.Params().BitSize), crypto.SHA256) { // cosign used SHA-256 for every key before v2.6
			loads = append(loads, []signature.LoadOption{options.WithHash(h)})
		}
	case *rsa.PublicKey:
		for _, h := range hashesOf(hash, crypto.SHA256, sizeHash(k.Size())) { // cosign's goes by the size with Key Vault
			loads = append(loads,
				[]signature.LoadOption{options.WithHash(h)},
				[]signature.LoadOption{options.WithHash(h), options.WithRSAPSS(&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: h})})
		}
	case ed25519.PublicKey:
		if !overDigest {
			loads = append(loads, nil)
		}
		loads = append(loads, []signature.LoadOption{options.WithED25519ph()})
	}
	var all []signature.Verifier
	for _, o := range loads {
		if v, err := signature.LoadVerifierWithOpts(public, o...); err == nil {
			all = append(all, joining(v, public))
		}
	}
	return all
}

// hashesOf returns the hash that the trust document fixes, otherwise those that
// signers use, the most usual first.
func hashesOf(fixed crypto.Hash, usual ...crypto.Hash) []crypto.Hash {
	if fixed != 0 {
		return []crypto.Hash{fixed}
	}
	return slices.Compact(usual)
}

// sizeHash is the hash for a curve of so many bits. With Key Vault it is that of an RSA
// key of so many bytes: SHA-256 for 2048 bits, SHA-384 for 3072, SHA-512 for 4096.
func sizeHash(bits int) crypto.Hash {
	switch {
	case bits > 384:
		return crypto.SHA512
	case bits > 256:
		return crypto.SHA384
	}
	return crypto.SHA256
}

// nameOf writes a trusted key for a message.
func nameOf(k *trust.Key) string {
	if k.Name == "" {
		return "key " + k.Fingerprint
	}
	return fmt.Sprintf("key %q (%s)", k.Name, k.Fingerprint)
}

// trusted lists the trusted keys for a message.
func (j *judgement) trusted() string {
	var names []string
	for i := range j.trust.Keys {
		names = append(names, nameOf(&j.trust.Keys[i]))
	}
	return report.Listed(names)
}
