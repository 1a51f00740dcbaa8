// SPDX-License-Identifier: Apache-2.0

package gatekeeper_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/unversioned"
	"github.com/open-policy-agent/frameworks/constraint/pkg/externaldata"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// Ratify's other kinds demand more than that the image is verified.
func TestNotationKinds(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	key, err := sigstore.NewKey(sigstore.KeyOptions{})
	fatal(t, err)
	_, err = key.SignAndAttach(t.Context(), s.registry, "cosigned", s.push(t, "cosigned"), sigstore.SignOptions{})
	fatal(t, err)
	var trust map[string]map[string]map[string]any
	fatal(t, json.Unmarshal(s.trust, &trust))
	trust["trust"]["release"]["cosign"] = map[string]any{"keys": []string{key.PEM()}, "transparency_log": "ignored"}
	s.trust, err = json.Marshal(trust)
	fatal(t, err)
	cosigned := s.registry.Host() + "/cosigned:v1"
	p := s.serveBundle(t, nil)
	issuer := map[string]any{"issuer": p.issuer(t, s.signed)}
	for _, tt := range []struct {
		name, kind string
		parameters map[string]any
		image      string
		want       string
	}{
		{"notation", "notationvalidation", nil, s.signed, ""},
		{"notation, unsigned", "notationvalidation", nil, s.unsigned, "Subject failed verification"},
		{"notation, signed otherwise", "notationvalidation", nil, cosigned, "No Notary signature on " + cosigned},
		{"verification, signed otherwise", "RatifyVerification", nil, cosigned, ""},
		{"issuer", "NotationIssuerValidation", issuer, s.signed, ""},
		{"issuer, another", "NotationIssuerValidation", map[string]any{"issuer": "CN=other"}, s.signed, "by a certificate of CN=other"},
		{"issuer, not told", "NotationIssuerValidation", nil, s.signed, "No Notary signature"},
		{"issuer, unsigned", "NotationIssuerValidation", issuer, s.unsigned, "Subject failed verification"},
		{"nested", "NotationNestedValidation", nil, s.signed, ""},
		{"nested, unsigned", "NotationNestedValidation", nil, s.unsigned, "Subject failed verification"},
		{"nested, signed otherwise", "NotationNestedValidation", nil, cosigned, "No Notary signature on " + cosigned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, p.judge(t, tt.kind, tt.parameters, pod(tt.image)), tt.want)
		})
	}
}

func (s *scene) push(t *testing.T, repo string) ocispec.Descriptor {
	t.Helper()
	image, err := s.registry.PushImage(t.Context(), repo, "v1")
	fatal(t, err)
	return image
}

// issuer is what the provider reports as the issuer of the certificate.
func (p provider) issuer(t *testing.T, image string) string {
	t.Helper()
	response, _, err := p.send(t.Context(), p.Provider, []string{image})
	fatal(t, err)
	raw, err := json.Marshal(response.Response.Items[0].Value)
	fatal(t, err)
	var value struct {
		VerifierReports []struct {
			Extensions struct{ Issuer string }
		}
	}
	fatal(t, json.Unmarshal(raw, &value))
	return value.VerifierReports[0].Extensions.Issuer
}

// answering adds to a provider's answer what Ratify's own verifiers report.
func (p provider) answering(reports ...map[string]any) provider {
	return provider{p.Provider, func(ctx context.Context, q *unversioned.Provider, keys []string) (*externaldata.ProviderResponse, int, error) {
		response, status, err := p.send(ctx, q, keys)
		if err != nil {
			return response, status, err
		}
		for _, item := range response.Response.Items {
			if value, ok := item.Value.(map[string]any); ok {
				known, _ := value["verifierReports"].([]any)
				for _, r := range reports {
					known = append(known, r)
				}
				value["verifierReports"] = known
			}
		}
		return response, status, err
	}}
}

// What is attached to an image may have signatures that Ratify reports below it.
func TestNestedReports(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.serveBundle(t, nil)
	signature := map[string]any{"type": "notation", "artifactType": "application/vnd.cncf.notary.signature", "isSuccess": true}
	failed := map[string]any{"type": "notation", "artifactType": "application/vnd.cncf.notary.signature", "isSuccess": false}
	sbom := func(success bool, nested ...any) map[string]any {
		return map[string]any{"type": "sbom", "isSuccess": success, "referenceDigest": "sha256:bill", "nestedResults": nested}
	}
	strict := map[string]any{"requireSignature": true}
	for _, tt := range []struct {
		name, kind string
		parameters map[string]any
		report     map[string]any
		want       string
	}{
		{"signed document", "NotationNestedValidation", nil, sbom(true, signature), ""},
		{"document with a bad signature", "NotationNestedValidation", nil, sbom(true, failed), "No Notary signature on sha256:bill"},
		{"two levels down", "NotationNestedValidation", nil, sbom(true, signature, sbom(true, failed)), "No Notary signature on sha256:bill"},
		{"good SBOM", "SbomValidation", nil, sbom(true), ""},
		{"bad SBOM", "SbomValidation", nil, sbom(false), "No SBOM"},
		{"SBOM without a flag", "SbomValidation", nil, map[string]any{"type": "sbom"}, "No SBOM"},
		{"no SBOM", "SbomValidation", nil, signature, "No SBOM"},
		{"signed SBOM", "SbomValidation", strict, sbom(true, signature), ""},
		{"unsigned SBOM", "SbomValidation", strict, sbom(true), "No SBOM"},
		{"SBOM with a bad signature", "SbomValidation", strict, sbom(true, failed), "No SBOM"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, p.answering(tt.report).judge(t, tt.kind, tt.parameters, pod(s.signed)), tt.want)
		})
	}
}

func TestNewestVulnerabilityReportCounts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.serveBundle(t, nil)
	scan := func(created string, success bool) map[string]any {
		return map[string]any{"verifierType": "vulnerabilityreport", "type": "vulnerabilityreport", "isSuccess": success, "extensions": map[string]any{"createdAt": created}}
	}
	const older, newer = "2026-01-01T00:00:00Z", "2026-01-01T01:30:00+01:00"
	for _, tt := range []struct {
		name    string
		reports []map[string]any
		want    string
	}{
		{"none", nil, "No vulnerability report"},
		{"good", []map[string]any{scan(older, true)}, ""},
		{"bad", []map[string]any{scan(older, false)}, "No vulnerability report"},
		{"newer is good", []map[string]any{scan(older, false), scan(newer, true)}, ""},
		{"newer is bad", []map[string]any{scan(newer, false), scan(older, true)}, "No vulnerability report"},
		{"undated is bad", []map[string]any{scan(newer, true), scan("yesterday", false)}, "No vulnerability report"},
		{"as new and bad", []map[string]any{scan(newer, true), scan(newer, false)}, "No vulnerability report"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, p.answering(tt.reports...).judge(t, "VulnerabilityReportValidation", nil, pod(s.signed)), tt.want)
		})
	}
}

// The binary reads signed SBOMs itself if the bundle's data say whose, and what of.
func TestServedSBOM(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for repo, c := range map[string]struct {
		packages string
		signed   bool
	}{"good": {"fine", true}, "bad": {"leftpad", true}, "stranger": {"fine", false}} {
		image := s.push(t, repo)
		_, err := s.signer.SignAndAttach(t.Context(), s.registry, repo, image, signtest.SignOptions{})
		fatal(t, err)
		s.attachSBOM(t, repo, image, c.packages, c.signed)
	}
	p := s.serveBundle(t, map[string]any{"sbom": map[string]any{
		"trust": "release", "settings": map[string]any{"denied_packages": []any{map[string]any{"name": "leftpad"}}},
	}})
	for _, tt := range []struct{ repo, want string }{
		{"good", ""},
		{"bad", "No SBOM"},
		{"stranger", "No SBOM"},
		{"signed", "No SBOM"},
		{"unsigned", "Subject failed verification"},
	} {
		t.Run(tt.repo, func(t *testing.T) {
			t.Parallel()
			expect(t, p.judge(t, "SbomValidation", nil, pod(s.registry.Host()+"/"+tt.repo+":v1")), tt.want)
		})
	}
}

// attachSBOM attaches a bill of one package to image, and signs it or not.
func (s *scene) attachSBOM(t *testing.T, repo string, image ocispec.Descriptor, name string, signed bool) {
	t.Helper()
	const spdx = "application/spdx+json"
	bill, err := json.Marshal(map[string]any{
		"spdxVersion": "SPDX-2.3", "name": repo,
		"packages": []any{map[string]any{"name": name, "SPDXID": "SPDXRef-1", "versionInfo": "1.0"}},
	})
	fatal(t, err)
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: spdx,
		Config: ocispec.DescriptorEmptyJSON, Subject: &image,
		Layers: []ocispec.Descriptor{{MediaType: spdx, Digest: digest.FromBytes(bill), Size: int64(len(bill))}},
	})
	fatal(t, err)
	attached, err := s.registry.PushManifest(t.Context(), repo, "", ocispec.MediaTypeImageManifest, manifest, bill, []byte("{}"))
	fatal(t, err)
	if signed {
		_, err = s.signer.SignAndAttach(t.Context(), s.registry, repo, attached, signtest.SignOptions{})
		fatal(t, err)
	}
}

// Mutation answers the digest that Gatekeeper puts in the place of the tag.
func TestMutatorIsAnswered(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	image := s.push(t, "pinned")
	q, send := s.serve(t, goodPolicy, "/ratify/gatekeeper/v1/mutate", patient)
	response, _, err := send(t.Context(), q, []string{s.registry.Host() + "/pinned:v1"})
	fatal(t, err)
	want := s.registry.Host() + "/pinned@" + image.Digest.String()
	if items := response.Response.Items; len(items) != 1 || items[0].Value != want || !response.Response.Idempotent {
		t.Errorf("%+v, want %s", response.Response, want)
	}
}
