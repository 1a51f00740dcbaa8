// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// A key that was compromised goes on vouching for what was provably signed
// before, and for nothing else.
func TestVerify_keyValidity(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name        string
		from, until time.Time
		signed      time.Time // proven by log and timestamp; zero: nothing proves it
		want        string
		validUntil  time.Time
	}{
		{name: "valid, unproven", from: now.Add(-day), until: now.Add(day), validUntil: now.Add(day)},
		{name: "over, unproven", until: now.Add(-time.Hour), want: "expired"},
		{name: "not yet, unproven", from: now.Add(time.Hour), want: "not_yet_valid", validUntil: now.Add(time.Hour)},
		{name: "over, signed before", until: now.Add(-time.Minute), signed: now.Add(-5 * time.Minute)},
		{name: "over, signed after", until: now.Add(-5 * time.Minute), signed: now.Add(-time.Minute), want: "expired"},
		{name: "valid now, signed too early", from: now.Add(-time.Minute), signed: now.Add(-5 * time.Minute), want: "not_yet_valid"},
		{name: "valid, signed within", from: now.Add(-day), until: now.Add(day), signed: now.Add(-5 * time.Minute)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := byKey(t, sigstore.KeyOptions{})
			s.at(now)
			k := map[string]any{"key": s.signer.PEM()}
			if !tt.from.IsZero() {
				k["valid_from"] = tt.from.Format(time.RFC3339)
			}
			if !tt.until.IsZero() {
				k["valid_until"] = tt.until.Format(time.RFC3339)
			}
			s.trusting("keys", []any{k})
			if !tt.signed.IsZero() {
				s.instance = stranger(t)
				s.trusting("trusted_root", s.instance.TrustedRoot(sigstore.TrustedRootOptions{}))
				s.sign = sigstore.SignOptions{Log: s.instance.Log, TSA: s.instance.TSA, At: tt.signed}
			}
			got := s.verify()
			if v := verdictOf(got); v.Codes != tt.want || v.Verified != (tt.want == "") {
				t.Errorf("%+v\n%s", v, messages(got))
			}
			if !got.ValidUntil.Equal(tt.validUntil) {
				t.Errorf("valid until %s, want %s", got.ValidUntil, tt.validUntil)
			}
		})
	}
}

// One key listed twice, with an old window and a new one.
func TestVerify_keyTwice(t *testing.T) {
	t.Parallel()
	s := byKey(t, sigstore.KeyOptions{})
	s.trusting("keys", []any{
		map[string]any{"key": s.signer.PEM(), "name": "old", "valid_until": "2020-01-01T00:00:00Z"},
		map[string]any{"key": s.signer.PEM(), "name": "new", "valid_from": "2020-01-01T00:00:00Z"},
	})
	if got := s.verify(); !got.Verified || got.Trust.Key != "new" {
		t.Errorf("%+v, trust %+v", verdictOf(got), got.Trust)
	}
}

// A key with a log: all the same demands as for certificates.
func TestVerify_keyAndLog(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*scene)
		want   string
	}{
		{"logged", func(*scene) {}, ""},
		{"entry with a broken promise", func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Entries[0].InclusionPromise.SignedEntryTimestamp[9] ^= 1 }
		}, "invalid_log_entry"},
		{"not logged", func(s *scene) { s.sign.Log = nil }, "missing_log_entry"},
		{"log of a stranger", func(s *scene) { s.sign.Log = stranger(s.T).Log }, "untrusted_log"},
		{"entry of another signature", func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.EntriesOf(s.signElsewhere()) }
		}, "invalid_log_entry"},
		{"entry of the same payload by another key", func(s *scene) {
			other, err := sigstore.NewKey(sigstore.KeyOptions{})
			must(s, err)
			sig, err := other.Sign(subject, s.sign)
			must(s, err)
			s.tamper = func(ours *sigstore.Signature) { ours.EntriesOf(sig) }
		}, "invalid_log_entry"},
	} {
		for _, layout := range []sigstore.Layout{sigstore.Bundle, sigstore.BundleV01, sigstore.Tag} {
			t.Run(tt.name+" "+string(layout), func(t *testing.T) {
				t.Parallel()
				s := byKey(t, sigstore.KeyOptions{})
				s.instance = stranger(t)
				s.trusting("trusted_root", s.instance.TrustedRoot(sigstore.TrustedRootOptions{}))
				s.sign = sigstore.SignOptions{Layout: layout, Log: s.instance.Log}
				tt.change(s)
				s.wants(tt.want, "")
			})
		}
	}
}

// An entry of Rekor v2 has a proof of inclusion and no time.
func TestVerify_keyAndLogV2(t *testing.T) {
	t.Parallel()
	s := byKey(t, sigstore.KeyOptions{})
	s.instance = stranger(t)
	s.trusting("trusted_root", s.instance.TrustedRoot(sigstore.TrustedRootOptions{}))
	s.sign.Log = s.instance.LogV2
	s.wants("", "")
}
