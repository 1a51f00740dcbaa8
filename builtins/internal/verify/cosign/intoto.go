// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"

	_ "github.com/sigstore/rekor/pkg/types/intoto/v0.0.1" // registers the version
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	sigverify "github.com/sigstore/sigstore-go/pkg/verify"
)

// loggedTimes verifies the log entries and returns when they were made.
func (j *judgement) loggedTimes(entity *bundle.Bundle) ([]root.Timestamp, error) {
	entries, err := entity.TlogEntries()
	if err != nil {
		return nil, err
	}
	if len(entries) == 1 && j.signed.envelope != nil {
		body, err := decodeObject(entries[0].TransparencyLogEntry().GetCanonicalizedBody())
		if err == nil && body["kind"] == "intoto" && body["apiVersion"] == "0.0.1" {
			return j.loggedEnvelope(entries[0], body)
		}
	}
	times, err := sigverify.VerifyTlogEntry(entity, j.material, 1, true)
	if err != nil {
		return nil, j.brokenPromise(entries, err)
	}
	return times, nil
}

// loggedEnvelope verifies an entry of kind intoto 0.0.1, which sigstore-go does not.
// cosign logs attestations so with --rekor-entry-type=intoto; earlier versions always did.
// The entry has no signature to compare but the digest of the whole envelope.
//
// Spec: Rekor types intoto v0.0.1.
func (j *judgement) loggedEnvelope(e *tlog.Entry, body map[string]any) ([]root.Timestamp, error) {
	content, err := j.signed.entity.VerificationContent()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(j.signed.envelope)
	switch {
	case member(body, "spec", "content", "hash", "algorithm") != "sha256",
		member(body, "spec", "content", "hash", "value") != hex.EncodeToString(sum[:]):
		return nil, errors.New("it is about another envelope")
	case !content.CompareKey(loggedKey(member(body, "spec", "publicKey")), j.material):
		return nil, errors.New("it is about another key or certificate")
	case !content.ValidAtTime(e.IntegratedTime(), j.material):
		return nil, errors.New("its time is outside the certificate's validity")
	}
	if err := tlog.VerifySET(e, j.material.RekorLogs()); err != nil {
		return nil, err
	}
	return []root.Timestamp{{Time: e.IntegratedTime()}}, nil
}

// loggedKey returns the certificate or public key of an entry, nil if it has none.
func loggedKey(encoded any) any {
	text, _ := encoded.(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil
	}
	if c, err := x509.ParseCertificate(block.Bytes); err == nil {
		return c
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil
	}
	return key
}
