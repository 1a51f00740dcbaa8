// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

const certificateChecks = "integrity:p transparency:p signed_timestamp:p certificate:p sct:p identity:p subject:p annotations:p"

// Every layout by a certificate, with log entry, timestamp and SCT.
func TestVerify_certificates(t *testing.T) {
	t.Parallel()
	for _, o := range []sigstore.CertificateOptions{release(), sigstore.GitLab("acme/app", "refs/heads/main"), {}} {
		for _, layout := range sigstore.Layouts() {
			t.Run(string(layout)+" "+o.Issuer, func(t *testing.T) {
				t.Parallel()
				s := byCertificate(t, o)
				s.sign.Layout = layout
				got := s.verify()
				if diff := cmp.Diff(verdict{true, "", certificateChecks}, verdictOf(got)); diff != "" {
					t.Errorf("-want +got:\n%s\n%s", diff, messages(got))
				}
				want := s.signer.Identity()
				if got.Signer.Identity != want["subject"] || got.Signer.OIDCIssuer != want["issuer"] || got.SignedAt == "" {
					t.Errorf("signer %+v at %q", got.Signer, got.SignedAt)
				}
			})
		}
	}
}

func TestVerify_claims(t *testing.T) {
	t.Parallel()
	got := byCertificate(t, release()).verify()
	for claim, want := range map[string]string{
		"issuer":                sigstore.GitHubIssuer,
		"subject":               "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main",
		"source_repository_uri": "https://github.com/acme/app",
		"source_repository_ref": "refs/heads/main",
	} {
		if got.Signer.Claims[claim] != want {
			t.Errorf("claim %s = %q, want %q", claim, got.Signer.Claims[claim], want)
		}
	}
}

// What the trust document wants of the certificate's owner.
func TestVerify_identities(t *testing.T) {
	t.Parallel()
	const github = sigstore.GitHubIssuer
	for _, tt := range []struct {
		name     string
		identity map[string]any
		code     string
		says     string
	}{
		{"exact", map[string]any{"issuer": github, "subject": "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"}, "", ""},
		{"patterns", map[string]any{"issuer_regexp": `https://token\.actions\.githubusercontent\.com`, "subject_regexp": `https://github\.com/acme/app/.*`}, "", ""},
		{"build", map[string]any{"issuer": github, "repository": "https://github.com/acme/app", "workflow": ".github/workflows/release.yml", "ref": "refs/heads/main"}, "", ""},
		{"build, ref pattern", map[string]any{"issuer": github, "repository": "https://github.com/acme/app", "ref": "refs/heads/*"}, "", ""},
		{"build by owner", map[string]any{"issuer": github, "owner": "https://github.com/acme", "subject_regexp": `.*/release\.yml@refs/heads/main`}, "", ""},
		{"other subject", map[string]any{"issuer": github, "subject": "https://github.com/acme/app/.github/workflows/dev.yml@refs/heads/main"}, "untrusted_identity", "signed by https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"},
		{"other issuer", map[string]any{"issuer": "https://gitlab.com", "subject": "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"}, "untrusted_issuer", `issuer "https://gitlab.com" (is "` + github + `")`},
		{"pattern is a prefix only", map[string]any{"issuer": github, "subject_regexp": `https://github\.com/acme/app`}, "untrusted_identity", ""},
		{"pattern is a suffix only", map[string]any{"issuer": github, "subject_regexp": `release\.yml@refs/heads/main`}, "untrusted_identity", ""},
		{"other repository", map[string]any{"issuer": github, "repository": "https://github.com/acme/app.evil"}, "untrusted_identity", "source_repository_uri"},
		{"repository is a prefix only", map[string]any{"issuer": github, "repository": "https://github.com/acme/ap"}, "untrusted_identity", ""},
		{"other workflow", map[string]any{"issuer": github, "repository": "https://github.com/acme/app", "workflow": ".github/workflows/dev.yml"}, "untrusted_identity", ""},
		{"other ref", map[string]any{"issuer": github, "repository": "https://github.com/acme/app", "ref": "refs/tags/v*"}, "untrusted_identity", `source_repository_ref "refs/tags/v*" (is "refs/heads/main")`},
		{"other trigger", map[string]any{"issuer": github, "repository": "https://github.com/acme/app", "trigger": "never"}, "untrusted_identity", "build_trigger"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := byCertificate(t, release())
			s.trusting("identities", []any{tt.identity})
			got := s.verify()
			if v := verdictOf(got); v.Codes != tt.code || v.Verified != (tt.code == "") || !strings.Contains(messages(got), tt.says) {
				t.Errorf("%+v\n%s", v, messages(got))
			}
		})
	}
}

// Look-alikes of a trusted identity, each certified by the trusted authority.
func TestVerify_lookAlikes(t *testing.T) {
	t.Parallel()
	for _, repository := range []string{"acme/app.evil", "acme/app2", "acme-evil/app", "evil/acme/app", "acme/app/.github/workflows/release.yml@refs/heads/main?x="} {
		t.Run(repository, func(t *testing.T) {
			t.Parallel()
			s := byCertificate(t, sigstore.GitHub(repository, "release.yml", "refs/heads/main"))
			s.trusting("identities", []any{
				map[string]any{"issuer": sigstore.GitHubIssuer, "subject_regexp": `https://github\.com/acme/app/\.github/workflows/release\.yml@refs/heads/main`},
				map[string]any{"issuer": sigstore.GitHubIssuer, "repository": "https://github.com/acme/app", "workflow": ".github/workflows/release.yml"},
			})
			if v := verdictOf(s.verify()); v.Verified || v.Codes != "untrusted_identity" {
				t.Errorf("%+v", v)
			}
		})
	}
}

// What is accepted and not required is a check passed if it proves something,
// and a check not made if it does not; the verdict is the same.
func TestVerify_acceptedTimestamp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		change  func(*scene)
		outcome string
		says    string
		code    string // if the trust document requires a timestamp
	}{
		{name: "verifies", change: func(*scene) {}, outcome: "passed"},
		{name: "missing", change: func(s *scene) { s.sign.NoTimestamp = true }, outcome: "skipped", says: "it has no signed timestamp; the trust document accepts one and requires none", code: "missing_timestamp"},
		{name: "by a stranger", change: func(s *scene) { s.sign.TSA = stranger(s.T).TSA }, outcome: "skipped", says: "not by a timestamp authority of the trusted root", code: "untrusted_timestamp"},
		{name: "of something else", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Timestamps = s.signElsewhere().Timestamps }
		}, outcome: "skipped", says: "damaged, or for another signature", code: "invalid_timestamp"},
		{name: "no token", change: func(s *scene) {
			s.tamper = func(sig *sigstore.Signature) { sig.Timestamps = [][]byte{{0x30}} }
		}, outcome: "skipped", says: "damaged, or for another signature", code: "invalid_timestamp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := byCertificate(t, sigstore.CertificateOptions{})
			tt.change(s)
			got := s.verify()
			check := got.Checks[2]
			if !got.Verified || check.Name != "signed_timestamp" || check.Outcome != tt.outcome || !strings.Contains(check.Message, tt.says) || (check.Message == "") != (tt.says == "") {
				t.Errorf("verified %t, %+v\n%s", got.Verified, check, messages(got))
			}
			s.trusting("signed_timestamp", "required")
			s.wants(tt.code, "")
		})
	}
}
