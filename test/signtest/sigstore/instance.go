// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// InstanceOptions says what is different about a Sigstore instance.
type InstanceOptions struct {
	// Now is its clock: certificates begin then, logs and the timestamping authority
	// say it is then. Nil: [time.Now].
	Now func() time.Time
}

// Instance is a Sigstore: a certificate authority as Fulcio is one, a certificate
// transparency log, two transparency logs as Rekor v1 and v2 are, and a timestamping
// authority. It may be used concurrently.
type Instance struct {
	// Log signs entry timestamps and proves inclusion, as Rekor v1 does.
	Log *Log
	// LogV2 proves inclusion only, as Rekor v2 does; who uses it needs timestamps.
	LogV2 *Log
	// TSA is the timestamping authority.
	TSA *TSA

	now    func() time.Time
	tokens tokens
	fulcio *authority
	ctLog  *Log // of which only key and identifier are used
}

// NewInstance makes a Sigstore with keys of its own.
func NewInstance(o InstanceOptions) (i *Instance, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	i = &Instance{now: o.Now}
	if i.fulcio, err = newAuthority("signtest", o.Now(), nil, x509.ExtKeyUsageCodeSigning); err != nil {
		return nil, err
	}
	if i.ctLog, err = newLog(1, "https://ctfe.signtest.example", o.Now); err != nil {
		return nil, err
	}
	if i.Log, err = newLog(1, "https://rekor.signtest.example", o.Now); err != nil {
		return nil, err
	}
	if i.LogV2, err = newLog(2, "https://log2026-1.rekor.signtest.example", o.Now); err != nil {
		return nil, err
	}
	i.TSA, err = newTSA(o.Now)
	return i, err
}

// TrustedRootOptions says what is different about a trusted root.
type TrustedRootOptions struct {
	// ValidUntil is when everything in the trusted root ends. Zero: in ten years.
	ValidUntil time.Time
	// CAUntil is when the certificate authority ends. Zero: ValidUntil.
	CAUntil time.Time
	// NoTSA leaves out the timestamping authority.
	NoTSA bool
	// NoLog leaves out the transparency logs.
	NoLog bool
	// NoCTLog leaves out the certificate transparency log.
	NoCTLog bool
}

// TrustedRoot is the instance as trusted_root.json, the object that a trust document
// holds and verifiers read.
//
// Spec: Sigstore protobuf-specs, sigstore_trustroot.proto, version 0.1.
func (i *Instance) TrustedRoot(o TrustedRootOptions) map[string]any {
	var object map[string]any
	if err := json.Unmarshal(i.TrustedRootJSON(o), &object); err != nil {
		panic(err) // it was an object a moment ago
	}
	return object
}

// TrustedRootJSON is [Instance.TrustedRoot] as JSON.
func (i *Instance) TrustedRootJSON(o TrustedRootOptions) []byte {
	from := i.now().Add(-decade)
	until := timeOr(o.ValidUntil, i.now().Add(decade))
	cas := []root.CertificateAuthority{i.fulcio.trusted(from, timeOr(o.CAUntil, until))}
	var tsas []root.TimestampingAuthority
	if !o.NoTSA {
		tsas = append(tsas, i.TSA.trusted(from, until))
	}
	logs := make(map[string]*root.TransparencyLog)
	if !o.NoLog {
		logs[hex.EncodeToString(i.Log.id)] = i.Log.trusted(from, until)
		logs[hex.EncodeToString(i.LogV2.id)] = i.LogV2.trusted(from, until)
	}
	ctLogs := make(map[string]*root.TransparencyLog)
	if !o.NoCTLog {
		ctLogs[hex.EncodeToString(i.ctLog.id)] = i.ctLog.trusted(from, until)
	}
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01, cas, ctLogs, tsas, logs)
	if err != nil {
		panic(err) // the media type is known
	}
	raw, err := trusted.MarshalJSON()
	if err != nil {
		panic(err) // our keys and certificates can be encoded
	}
	return raw
}

// trusted is the certificate authority as a trusted root holds it.
func (a *authority) trusted(from, until time.Time) root.CertificateAuthority {
	return &root.FulcioCertificateAuthority{
		URI:                 "https://fulcio.signtest.example",
		Intermediates:       a.chain[:len(a.chain)-1],
		Root:                a.chain[len(a.chain)-1],
		ValidityPeriodStart: from,
		ValidityPeriodEnd:   until,
	}
}

func timeOr(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}
