// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/cosign"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// scene is one signature, the trust document it is judged by, and what a test
// changes about either. A scene nothing was changed about is verified.
type scene struct {
	*testing.T

	instance *sigstore.Instance
	signer   *sigstore.Signer
	sign     sigstore.SignOptions
	tamper   func(*sigstore.Signature)
	// trust is the cosign part of the trust document.
	trust    map[string]any
	demanded map[string]string
	manifest func(*ocispec.Manifest)
	verifier *cosign.Verifier
}

var subject = ocispec.Descriptor{
	MediaType: ocispec.MediaTypeImageManifest,
	Digest:    digest.FromString("the image"),
	Size:      9,
}

// byKey is a scene of a bare key without a log.
func byKey(t *testing.T, o sigstore.KeyOptions) *scene {
	t.Helper()
	signer, err := sigstore.NewKey(o)
	must(t, err)
	s := newScene(t, signer)
	s.trust = map[string]any{"keys": []any{map[string]any{"key": signer.PEM(), "name": "release"}}}
	return s
}

// byCertificate is a scene of a GitHub workflow with everything an instance gives.
func byCertificate(t *testing.T, o sigstore.CertificateOptions) *scene {
	t.Helper()
	instance, err := sigstore.NewInstance(sigstore.InstanceOptions{})
	must(t, err)
	signer, err := instance.Certify(o)
	must(t, err)
	s := newScene(t, signer)
	s.instance = instance
	s.trust = map[string]any{
		"identities":   []any{signer.Identity()},
		"trusted_root": instance.TrustedRoot(sigstore.TrustedRootOptions{}),
	}
	return s
}

func release() sigstore.CertificateOptions {
	return sigstore.GitHub("acme/app", "release.yml", "refs/heads/main")
}

func newScene(t *testing.T, signer *sigstore.Signer) *scene {
	return &scene{
		T: t, signer: signer, tamper: func(*sigstore.Signature) {}, manifest: func(*ocispec.Manifest) {},
		verifier: cosign.New(cosign.Options{}),
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func (s *scene) signed() *sigstore.Signature {
	s.Helper()
	sig, err := s.signer.Sign(subject, s.sign)
	must(s, err)
	s.tamper(sig)
	return sig
}

func (s *scene) document() *trust.Document {
	s.Helper()
	return documentOf(s, s.trust)
}

func documentOf(tb testing.TB, part map[string]any) *trust.Document {
	tb.Helper()
	raw, err := json.Marshal(map[string]any{"cosign": part})
	must(tb, err)
	doc, err := trust.Parse(raw, trust.Options{})
	must(tb, err)
	return doc
}

// evidence is what the engine would bring for signatures in one manifest.
func (s *scene) evidence(envelopes func(ocispec.Manifest) ([]ocispec.Descriptor, *report.Error), sigs ...*sigstore.Signature) verify.Evidence {
	s.Helper()
	var draft signtest.Draft
	r := registrytest.Start(s, registrytest.Options{})
	pushed, err := sigstore.AttachAll(s.Context(), r, "team/app", subject, sigs, func(d *signtest.Draft) {
		s.manifest(&d.Manifest)
		draft = *d
	})
	must(s, err)
	ref, err := reference.Parse("registry.example/team/app@" + subject.Digest.String())
	must(s, err)
	pushed.ArtifactType = draft.Manifest.ArtifactType
	e := verify.Evidence{Subject: ref, Descriptor: pushed, Manifest: draft.Manifest, Annotations: s.demanded}
	named, refused := envelopes(e.Manifest)
	if refused != nil {
		return e // Verify refuses as well
	}
	for _, d := range named {
		for _, blob := range draft.Blobs {
			if digest.FromBytes(blob) == d.Digest {
				e.Blobs = append(e.Blobs, blob)
				break
			}
		}
	}
	return e
}

func (s *scene) verifyAll(sigs ...*sigstore.Signature) []report.Signature {
	s.Helper()
	return s.verifier.Verify(s.Context(), s.evidence(s.verifier.Envelopes, sigs...), s.document())
}

// verify judges the scene's one signature.
func (s *scene) verify() report.Signature {
	s.Helper()
	all := s.verifyAll(s.signed())
	if len(all) != 1 {
		s.Fatalf("%d signatures, want one: %+v", len(all), all)
	}
	return all[0]
}

func (s *scene) attestations(predicateType string) []report.Attestation {
	s.Helper()
	all, _ := s.verifier.VerifyAttestations(s.Context(), s.evidence(s.verifier.AttestationEnvelopes, s.signed()), predicateType, s.document())
	return all
}

// trusting changes one member of the trust document; nil removes it.
func (s *scene) trusting(member string, value any) {
	s.trust = maps.Clone(s.trust)
	s.trust[member] = value
	if value == nil {
		delete(s.trust, member)
	}
}

// at sets the clock of the verifier.
func (s *scene) at(now time.Time) {
	s.verifier = cosign.New(cosign.Options{Now: func() time.Time { return now }})
}

// verdict is what most tests compare: the codes of the errors, and for each check
// its name and the first letter of its outcome.
type verdict struct {
	Verified bool
	Codes    string
	Checks   string
}

func verdictOf(s report.Signature) verdict {
	var codes, checks []string
	for _, e := range s.Errors {
		codes = append(codes, string(e.Code))
	}
	for _, c := range s.Checks {
		checks = append(checks, c.Name+":"+c.Outcome[:1])
	}
	return verdict{s.Verified, strings.Join(codes, " "), strings.Join(checks, " ")}
}

func messages(s report.Signature) string {
	var all []string
	for _, e := range s.Errors {
		all = append(all, string(e.Code)+": "+e.Message)
	}
	return strings.Join(all, "\n")
}

// signtestCA is a trust document that has only a notation part.
func signtestCA(tb testing.TB) *trust.Document {
	tb.Helper()
	ca, err := signtest.NewCA(signtest.CAOptions{})
	must(tb, err)
	doc, err := trust.Parse(ca.TrustJSON(), trust.Options{})
	must(tb, err)
	return doc
}
