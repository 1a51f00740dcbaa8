// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// What cosign logs with --rekor-entry-type=intoto, and earlier versions always.
func TestVerifyAttestations_inToto(t *testing.T) {
	t.Parallel()
	for _, keyed := range []bool{true, false} {
		for _, tt := range []struct {
			name   string
			change func(*scene)
			code   string
			says   string
		}{
			{"under a tag", func(*scene) {}, "", ""},
			{"a referrer", func(s *scene) { s.sign.Layout = sigstore.Referrer }, "", ""},
			{"version 0.0.2", func(s *scene) { s.sign.InToto = "0.0.2" }, "", ""},
			{"in a bundle, without the envelope as it was logged", func(s *scene) {
				s.sign.Layout = sigstore.BundleV01
			}, "invalid_log_entry", "unsupported entry type"},
			{"about another statement", func(s *scene) {
				s.entryOf(func(o *sigstore.SignOptions) { o.Predicate = "other" })
			}, "invalid_log_entry", "something else"},
			{"about another signature of the statement", func(s *scene) {
				s.entryOf(func(*sigstore.SignOptions) {})
			}, "invalid_log_entry", "another envelope"},
			{"about another key", func(s *scene) {
				other, err := sigstore.NewKey(sigstore.KeyOptions{})
				must(s, err)
				s.logged("publicKey", base64.StdEncoding.EncodeToString([]byte(other.PEM())))
			}, "invalid_log_entry", "another key"},
			{"about no key", func(s *scene) {
				s.logged("publicKey", "bm9uZQ==")
			}, "invalid_log_entry", ""},
			{"changed by whoever attached it", func(s *scene) { s.logged("more", "1") }, "invalid_log_entry", "SET"},
			{"of another time", func(s *scene) {
				s.tamper = func(sig *sigstore.Signature) { sig.Entries[0].IntegratedTime++ }
			}, "invalid_log_entry", "SET"},
			{"without a promise of inclusion", func(s *scene) {
				s.tamper = func(sig *sigstore.Signature) { sig.Entries[0].InclusionPromise.SignedEntryTimestamp = nil }
			}, "invalid_log_entry", "inclusion promises missing"},
			{"of a log nobody trusts", func(s *scene) { s.sign.Log = stranger(s.T).Log }, "untrusted_log", ""},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				s := byEither(t, keyed)
				s.sign = sigstore.SignOptions{Layout: sigstore.Tag, PredicateType: sigstore.PredicateSLSA, InToto: "0.0.1"}
				if keyed {
					instance := stranger(t)
					s.sign.Log = instance.Log
					s.trusting("trusted_root", instance.TrustedRoot(sigstore.TrustedRootOptions{}))
				}
				tt.change(s)
				s.attested(tt.code, tt.says)
			})
		}
	}
}

func TestVerifyAttestations_inTotoTooLate(t *testing.T) {
	t.Parallel()
	s := byCertificate(t, sigstore.CertificateOptions{})
	s.sign = sigstore.SignOptions{Layout: sigstore.Tag, PredicateType: sigstore.PredicateSLSA, InToto: "0.0.1", At: time.Now().Add(time.Hour)}
	s.attested("expired", "no longer when it signed")
}

// attested judges the scene's one attestation.
func (s *scene) attested(code, says string) {
	s.Helper()
	all := s.attestations(sigstore.PredicateSLSA)
	if len(all) != 1 {
		s.Fatalf("%d attestations", len(all))
	}
	got := all[0].Signature
	if v := verdictOf(got); v.Codes != code || v.Verified != (code == "") || !strings.Contains(messages(got), says) {
		s.Errorf("%+v, want %q, %q\n%s", v, code, says, messages(got))
	}
}

// entryOf puts the log entry of another signature by the signer in the place of the
// one that was made.
func (s *scene) entryOf(change func(*sigstore.SignOptions)) {
	s.tamper = func(sig *sigstore.Signature) {
		o := s.sign
		change(&o)
		other, err := s.signer.Sign(subject, o)
		must(s, err)
		sig.EntriesOf(other)
	}
}

// logged changes what the log entry says, which the log did not sign.
func (s *scene) logged(member, value string) {
	s.tamper = func(sig *sigstore.Signature) {
		var body struct {
			APIVersion string         `json:"apiVersion"`
			Kind       string         `json:"kind"`
			Spec       map[string]any `json:"spec"`
		}
		must(s, json.Unmarshal(sig.Entries[0].GetCanonicalizedBody(), &body))
		body.Spec[member] = value
		raw, err := json.Marshal(body)
		must(s, err)
		sig.Entries[0].CanonicalizedBody = raw
	}
}
