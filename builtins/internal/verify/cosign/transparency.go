// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// transparency: a log of the trusted root has this signature, by this key or
// certificate, over this payload.
//
// Spec: Sigstore client specification, "Transparency Log Entry".
func (j *judgement) transparency() *report.Error {
	if refused := j.admitEntries(); refused != nil {
		return refused
	}
	entity, err := newBundle(j.signed.proofs)
	if err != nil {
		return finding(report.InvalidLogEntry, "the log entry cannot be read, or is about another signature: %s", report.OneLine(err.Error()))
	}
	times, err := guarded(func() ([]root.Timestamp, error) { return j.loggedTimes(entity) })
	if err != nil {
		return j.badEntry(err)
	}
	for _, t := range times {
		j.times = append(j.times, t.Time)
	}
	return nil
}

// badEntry tells a certificate that was not valid when it was logged from an
// entry that is wrong itself.
func (j *judgement) badEntry(said error) *report.Error {
	for _, e := range j.signed.proofs.GetVerificationMaterial().GetTlogEntries() {
		if t := e.GetIntegratedTime(); t != 0 && j.signed.leaf != nil {
			if f := j.outsideCertificate(time.Unix(t, 0)); f != nil {
				return f
			}
		}
	}
	return finding(report.InvalidLogEntry, "the log entry does not vouch for the signature: %s", report.OneLine(said.Error()))
}

// brokenPromise puts before what the library said why a log's promise to include
// an entry does not verify: the library passes over such an entry and says only
// that there are too few.
func (j *judgement) brokenPromise(entries []*tlog.Entry, said error) error {
	logs := j.material.RekorLogs()
	for _, e := range entries {
		if _, known := logs[hex.EncodeToString([]byte(e.LogKeyID()))]; !known || !e.HasInclusionPromise() {
			continue
		}
		if err := tlog.VerifySET(e, logs); err != nil {
			return fmt.Errorf("its signed entry timestamp (SET) does not verify: %w (%w)", err, said)
		}
	}
	return said
}

// admitEntries checks what the library leaves open: which log it is, and whether
// the entry is about this payload (threats: CVE-2026-22703, CVE-2022-36056).
func (j *judgement) admitEntries() *report.Error {
	entries := j.signed.proofs.GetVerificationMaterial().GetTlogEntries()
	switch {
	case len(entries) == 0:
		return finding(report.MissingLogEntry, "it has no transparency log entry, which the trust document requires; sign with the log, or set transparency_log to \"ignored\"")
	case len(entries) > maxEntries:
		return overLimit(report.TooMany, "the Sigstore bundle has %d log entries; at most %d are allowed", len(entries), maxEntries)
	}
	known := false
	for _, e := range entries {
		_, trusted := j.material.RekorLogs()[hex.EncodeToString(e.GetLogId().GetKeyId())]
		known = known || trusted
		body := e.GetCanonicalizedBody()
		switch {
		case len(body) > maxBody:
			return overLimit(report.TooLarge, "the log entry has %d bytes; at most %d are read", len(body), maxBody)
		case !admitBody(body):
			return finding(report.InvalidLogEntry, "the log entry is not JSON, or has a key of more than %d bits", maxModulus)
		}
		if refused := j.loggedContent(body); refused != nil {
			return refused
		}
	}
	if !known {
		return finding(report.UntrustedLog, "the log entry is by the log %s, which the trusted root does not have (it has %s)", hex.EncodeToString(entries[0].GetLogId().GetKeyId()), report.Listed(sortedNames(j.material.RekorLogs())))
	}
	return nil
}

// loggedContent compares the digest in the entry with what was signed.
func (j *judgement) loggedContent(body []byte) *report.Error {
	logged, err := loggedDigests(body)
	if err != nil {
		return finding(report.InvalidLogEntry, "the log entry: %s", report.OneLine(err.Error()))
	}
	signed := contentDigests(j.signed.proofs, j.signed.claims)
	for _, l := range logged {
		for _, s := range signed {
			if bytes.Equal(l, s) {
				return nil
			}
		}
	}
	return finding(report.InvalidLogEntry, "the log entry is about something else than what was signed")
}

// loggedDigests reads what an entry of Rekor says was signed: its data, or the
// payload of its envelope.
//
// Spec: Rekor types hashedrekord v0.0.1, dsse v0.0.1, intoto v0.0.1 and v0.0.2;
// Rekor v2 hashedrekord v0.0.2, dsse v0.0.2.
func loggedDigests(body []byte) ([][]byte, error) {
	o, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	var logged [][]byte
	for _, path := range [][]string{
		{"spec", "data", "hash", "value"},
		{"spec", "payloadHash", "value"},
		{"spec", "content", "payloadHash", "value"},
		{"spec", "hashedRekordV002", "data", "digest"},
		{"spec", "dsseV002", "payloadHash", "digest"},
	} {
		encoded, _ := member(o, path...).(string)
		if raw, err := hex.DecodeString(encoded); err == nil && encoded != "" {
			logged = append(logged, raw)
		} else if raw, err := base64.StdEncoding.DecodeString(encoded); err == nil && encoded != "" {
			logged = append(logged, raw)
		}
	}
	if len(logged) != 1 {
		return nil, fmt.Errorf("%d digests of what was signed; expected one", len(logged))
	}
	return logged, nil
}

func member(o map[string]any, path ...string) any {
	var v any = o
	for _, name := range path {
		inner, _ := v.(map[string]any)
		v = inner[name]
	}
	return v
}

// contentDigests are the digests by which an entry may name what was signed.
func contentDigests(b *protobundle.Bundle, c claims) [][]byte {
	if e := b.GetDsseEnvelope(); e != nil {
		return append(hashes(e.GetPayload()), hashes(dsse.PAE(e.GetPayloadType(), e.GetPayload()))...)
	}
	if c.payload != nil {
		return hashes(c.payload)
	}
	return [][]byte{b.GetMessageSignature().GetMessageDigest().GetDigest()}
}

func hashes(raw []byte) [][]byte {
	a, b, c := sha256.Sum256(raw), sha512.Sum384(raw), sha512.Sum512(raw)
	return [][]byte{a[:], b[:], c[:]}
}
