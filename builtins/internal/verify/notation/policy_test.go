// SPDX-License-Identifier: Apache-2.0

package notation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

var _ verify.Verifier = (*notation.Verifier)(nil)

// TestVerify_levels: what each level makes of one failed check.
//
// Spec: Notary Project, trust policy v1.1, "Signature verification levels".
func TestVerify_levels(t *testing.T) {
	t.Parallel()
	untrusted := func(s *scene) { stranger(s) }
	tests := []struct {
		name     string
		level    string
		override map[string]string
		change   func(*scene)
		want     verdict
	}{
		{name: "permissive, good", level: "permissive", change: func(*scene) {}, want: verdict{true, "", allPassed}},
		{name: "permissive, expired", level: "permissive", change: expired, want: verdict{true, "", "ppplpp"}},
		{name: "permissive, certificate over", level: "permissive", change: certificateOver, want: verdict{true, "", "pppplp"}},
		{name: "permissive, untrusted", level: "permissive", change: untrusted, want: verdict{false, "untrusted_certificate", "pfssss"}},
		{name: "permissive, other identity", level: "permissive", change: otherIdentity, want: verdict{false, "untrusted_identity", "ppfsss"}},
		{name: "audit, untrusted", level: "audit", change: untrusted, want: verdict{true, "", "plpppp"}},
		{name: "audit, other identity", level: "audit", change: otherIdentity, want: verdict{true, "", "pplppp"}},
		{name: "audit, untrusted and other identity", level: "audit", change: func(s *scene) { otherIdentity(s); stranger(s) }, want: verdict{true, "", "pllppp"}},
		{name: "audit, tampered", level: "audit", change: func(s *scene) { s.tamper = signtest.FlipPayload }, want: verdict{false, "invalid_signature", "fsssss"}},
		{name: "audit, other image", level: "audit", change: otherImage, want: verdict{false, "subject_mismatch", allPassed}},
		{name: "strict, expiry is logged", level: "strict", override: map[string]string{"expiry": "log"}, change: expired, want: verdict{true, "", "ppplpp"}},
		{name: "permissive, expiry is enforced", level: "permissive", override: map[string]string{"expiry": "enforce"}, change: expired, want: verdict{false, "expired", "pppfss"}},
		{name: "strict, authenticity is logged", level: "strict", override: map[string]string{"authenticity": "log"}, change: untrusted, want: verdict{true, "", "plpppp"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, format := range signtest.Formats() {
				t.Run(string(format), func(t *testing.T) {
					t.Parallel()
					s := newScene(t, format)
					s.policy.verification = map[string]any{"level": tt.level}
					for check, action := range tt.override {
						s.policy.verification["override"] = map[string]string{check: action}
					}
					tt.change(s)
					got := s.compare(false)
					if diff := cmp.Diff(tt.want, verdictOf(got)); diff != "" {
						t.Errorf("verdict (-want +got):\n%s\n%s", diff, messages(got))
					}
				})
			}
		})
	}
}

// TestVerify_checks shows the lines of a report.
func TestVerify_checks(t *testing.T) {
	t.Parallel()
	s := newScene(t, signtest.JWS)
	s.policy.verification = map[string]any{"level": "permissive", "override": map[string]string{"revocation": "skip"}}
	expired(s)
	got := s.verify().Checks
	expiry := "the signature expired at " + s.sign.SigningTime.Add(hour).UTC().Format(time.RFC3339) + "; sign again"
	want := []report.Check{
		{Name: "integrity", Outcome: "passed", Action: "enforce"},
		{Name: "authenticity", Outcome: "passed", Action: "enforce"},
		{Name: "identity", Outcome: "passed", Action: "enforce"},
		{Name: "expiry", Outcome: "logged", Action: "log", Message: expiry},
		{Name: "authentic_timestamp", Outcome: "passed", Action: "log"},
		{Name: "revocation", Outcome: "skipped", Action: "skip", Message: `the trust policy "release" skips it`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

func TestApplies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*scene)
		want   report.Code
		says   string
	}{
		{name: "every image", change: func(*scene) {}},
		{name: "named repository", change: func(s *scene) { s.policy.scopes = []string{"registry.example/team/app"} }},
		{name: "named in capitals", change: func(s *scene) { s.policy.scopes = []string{"Registry.Example:443/team/app"} }},
		{name: "repository above", change: func(s *scene) { s.policy.scopes = []string{"registry.example/team"} }, want: report.NoTrustPolicy, says: "registry.example/team"},
		{name: "look-alike registry", change: func(s *scene) { s.policy.scopes = []string{"registry.example.evil/team/app"} }, want: report.NoTrustPolicy},
		{name: "skip", change: skip, want: report.VerificationSkipped, says: `"release" has level skip`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, signtest.JWS)
			tt.change(s)
			ref, err := reference.Parse(s.image)
			if err != nil {
				t.Fatal(err)
			}
			var got report.Error
			if e := s.verifier.Applies(ref, s.document()); e != nil {
				got = *e
			}
			if got.Code != tt.want || !strings.Contains(got.Message, tt.says) {
				t.Errorf("Applies = %q, %q; want %q, with %q", got.Code, got.Message, tt.want, tt.says)
			}
			// Whatever does not apply cannot be verified by asking on.
			if signature := s.verify(); signature.Verified != (tt.want == "") {
				t.Errorf("Verify all the same: verified = %t: %s", signature.Verified, messages(signature))
			}
		})
	}
}

func skip(s *scene) {
	s.policy.verification = map[string]any{"level": "skip"}
	s.policy.stores, s.policy.identities = map[string][]any{}, []string{}
}

func TestEnvelopes(t *testing.T) {
	t.Parallel()
	envelope := ocispec.Descriptor{MediaType: notation.MediaTypeCOSE, Digest: subject.Digest, Size: 100}
	tests := []struct {
		name   string
		change func(*ocispec.Manifest)
		want   report.Code
	}{
		{name: "artifact type", change: func(*ocispec.Manifest) {}},
		{name: "config's media type", change: func(m *ocispec.Manifest) {
			m.ArtifactType, m.Config.MediaType = "", notation.ArtifactType
		}},
		{name: "JWS", change: func(m *ocispec.Manifest) { m.Layers[0].MediaType = notation.MediaTypeJWS }},
		{name: "another artifact type", change: func(m *ocispec.Manifest) {
			m.ArtifactType, m.Config.MediaType = "application/spdx+json", notation.ArtifactType
		}, want: report.MalformedSignature},
		{name: "an image", change: func(m *ocispec.Manifest) {
			m.ArtifactType, m.Config.MediaType = "", ocispec.MediaTypeImageConfig
		}, want: report.MalformedSignature},
		{name: "no subject", change: func(m *ocispec.Manifest) { m.Subject = nil }, want: report.MalformedSignature},
		{name: "no layer", change: func(m *ocispec.Manifest) { m.Layers = nil }, want: report.MalformedSignature},
		{name: "two layers", change: func(m *ocispec.Manifest) { m.Layers = append(m.Layers, envelope) }, want: report.MalformedSignature},
		{name: "unknown envelope", change: func(m *ocispec.Manifest) { m.Layers[0].MediaType = "application/json" }, want: report.UnsupportedFormat},
		{name: "empty", change: func(m *ocispec.Manifest) { m.Layers[0].Size = 0 }, want: report.MalformedSignature},
		{name: "negative size", change: func(m *ocispec.Manifest) { m.Layers[0].Size = -1 }, want: report.MalformedSignature},
		{name: "largest", change: func(m *ocispec.Manifest) { m.Layers[0].Size = 1 << 20 }},
		{name: "too large", change: func(m *ocispec.Manifest) { m.Layers[0].Size = 1<<20 + 1 }, want: report.TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			named := subject
			m := ocispec.Manifest{ArtifactType: notation.ArtifactType, Subject: &named, Layers: []ocispec.Descriptor{envelope}}
			tt.change(&m)
			got, refused := notation.New(notation.Options{}).Envelopes(m)
			var code report.Code
			if refused != nil {
				code = refused.Code
			}
			if code != tt.want || (code == "") != (len(got) == 1) {
				t.Errorf("Envelopes = %d, %q; want %q", len(got), code, tt.want)
			}
		})
	}
}

// TestVerify_validUntil: the bound is the next instant that changes the judgement.
func TestVerify_validUntil(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(3 * day).UTC().Truncate(time.Second)
	tests := []struct {
		name   string
		change func(*scene)
		want   time.Duration // from now; at most a minute later than it is
	}{
		{name: "certificate", change: func(s *scene) { s.leaf.NotAfter = later }, want: 3 * day},
		{name: "certificate of the CA", change: func(s *scene) { s.ca = newCA(s.t, signtest.CAOptions{NotAfter: later}) }, want: 3 * day},
		{name: "expiry", change: func(s *scene) { s.leaf.NotAfter, s.sign.Expiry = later, 2*day }, want: 2 * day},
		{name: "certificate not valid yet", change: certificateEarly, want: hour},
		{name: "revocation answer", change: func(s *scene) { withResponder(s, signtest.RevocationHonest, "ocsp") }, want: hour},
		{name: "no revocation answer", change: func(s *scene) { withResponder(s, signtest.RevocationDown, "ocsp") }, want: 3 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, signtest.JWS)
			tt.change(s)
			got := time.Until(s.verify().ValidUntil)
			if got > tt.want || got < tt.want-time.Minute {
				t.Errorf("valid for %v, want %v", got, tt.want)
			}
		})
	}
}
