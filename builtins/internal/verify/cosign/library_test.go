// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	sigverify "github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// The second opinion: whatever we verify of a certificate, sigstore-go's own
// verifier verifies as a whole, under the same demands.
func TestVerify_agreesWithLibrary(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*scene){
		"nothing":          func(*scene) {},
		"v0.2":             func(s *scene) { s.sign.Layout = sigstore.BundleV02 },
		"v0.1":             func(s *scene) { s.sign.Layout = sigstore.BundleV01 },
		"Rekor v2":         func(s *scene) { s.sign.Log = s.instance.LogV2 },
		"no timestamp":     func(s *scene) { s.sign.NoTimestamp = true },
		"no log entry":     func(s *scene) { s.sign.NoLog = true },
		"nothing proven":   func(s *scene) { s.sign.NoLog, s.sign.NoTimestamp = true, true },
		"foreign log":      func(s *scene) { s.sign.Log = stranger(s.T).Log },
		"foreign TSA":      func(s *scene) { s.sign.TSA = stranger(s.T).TSA },
		"too late":         func(s *scene) { s.sign.At = time.Now().Add(time.Hour) },
		"other image":      func(s *scene) { s.tamper = func(sig *sigstore.Signature) { *sig = *s.signElsewhere() } },
		"other entry":      func(s *scene) { s.tamper = func(sig *sigstore.Signature) { sig.EntriesOf(s.signElsewhere()) } },
		"bad signature":    func(s *scene) { s.tamper = func(sig *sigstore.Signature) { sig.FlipSignature() } },
		"bad payload":      func(s *scene) { s.tamper = func(sig *sigstore.Signature) { must(s, sig.FlipPayload()) } },
		"no SCT":           func(s *scene) { s.recertify(sigstore.CertificateOptions{NoSCT: true}) },
		"foreign SCT":      func(s *scene) { s.recertify(sigstore.CertificateOptions{SCTBy: stranger(s.T)}) },
		"other identity":   func(s *scene) { s.recertify(sigstore.CertificateOptions{Identity: "dev@acme.example"}) },
		"other issuer":     func(s *scene) { s.recertify(sigstore.CertificateOptions{Issuer: "https://evil.example"}) },
		"over certificate": func(s *scene) { s.recertify(sigstore.CertificateOptions{NotBefore: time.Now().Add(-time.Hour)}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := byCertificate(t, sigstore.CertificateOptions{})
			identity := s.signer.Identity()
			change(s)
			sig := s.signed()
			all := s.verifyAll(sig)
			if said := s.library(sig, identity); len(all) != 1 || all[0].Verified != (said == nil) {
				t.Errorf("we: %+v\n%s\nsigstore-go: %v", verdictOf(all[0]), messages(all[0]), said)
			}
		})
	}
}

func (s *scene) recertify(o sigstore.CertificateOptions) {
	s.Helper()
	var err error
	s.signer, err = s.instance.Certify(o)
	must(s, err)
}

// library asks sigstore-go about a bundle as a whole.
func (s *scene) library(sig *sigstore.Signature, identity map[string]any) error {
	s.Helper()
	raw, err := sig.Bundle()
	must(s, err)
	b := &bundle.Bundle{}
	if err := json.Unmarshal(raw, b); err != nil {
		return err
	}
	trusted, err := root.NewTrustedRootFromJSON(s.instance.TrustedRootJSON(sigstore.TrustedRootOptions{}))
	must(s, err)
	v, err := sigverify.NewVerifier(trusted, sigverify.WithTransparencyLog(1), sigverify.WithObserverTimestamps(1), sigverify.WithSignedCertificateTimestamps(1))
	must(s, err)
	issuer, _ := identity["issuer"].(string)
	name, _ := identity["subject"].(string)
	owner, err := sigverify.NewShortCertificateIdentity(issuer, "", name, "")
	must(s, err)
	sum, err := hex.DecodeString(subject.Digest.Encoded())
	must(s, err)
	_, err = v.Verify(b, sigverify.NewPolicy(sigverify.WithArtifactDigest("sha256", sum), sigverify.WithCertificateIdentity(owner)))
	return err
}
