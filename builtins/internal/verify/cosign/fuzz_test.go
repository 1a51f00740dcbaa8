// SPDX-License-Identifier: Apache-2.0

package cosign_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/cosign"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// target is what a fuzzer is run against: an instance and a key it does not have.
type target struct {
	*testing.F

	verifier *cosign.Verifier
	doc      *trust.Document
	key, ci  *sigstore.Signer
	instance *sigstore.Instance
}

func newTarget(f *testing.F) target {
	f.Helper()
	instance, err := sigstore.NewInstance(sigstore.InstanceOptions{})
	must(f, err)
	ci, err := instance.Certify(release())
	must(f, err)
	key, err := sigstore.NewKey(sigstore.KeyOptions{})
	must(f, err)
	return target{F: f, verifier: cosign.New(cosign.Options{}), key: key, ci: ci, instance: instance, doc: documentOf(f, map[string]any{
		"keys": []any{key.PEM()}, "identities": []any{ci.Identity()},
		"trusted_root": instance.TrustedRoot(sigstore.TrustedRootOptions{}),
	})}
}

func (f target) sign(signer *sigstore.Signer, o sigstore.SignOptions) *sigstore.Signature {
	f.Helper()
	o.Log, o.TSA = f.instance.Log, f.instance.TSA
	o.Annotations = map[string]string{"team": "a"}
	sig, err := signer.Sign(subject, o)
	must(f, err)
	return sig
}

// layerOf is a manifest with one layer.
func layerOf(t *testing.T, layer ocispec.Descriptor, blob []byte) verify.Evidence {
	t.Helper()
	ref, err := reference.Parse("registry.example/team/app@" + subject.Digest.String())
	must(t, err)
	layer.Digest, layer.Size = digest.FromBytes(blob), int64(len(blob))
	return verify.Evidence{Subject: ref, Manifest: ocispec.Manifest{Layers: []ocispec.Descriptor{layer}}, Blobs: [][]byte{blob}}
}

// sound: a signature is verified or has errors, none of them ours; and nothing is
// verified but what the seeds' signers said.
func sound(t *testing.T, s report.Signature) {
	t.Helper()
	if s.Verified == (len(s.Errors) > 0) {
		t.Errorf("verified = %t with %d errors", s.Verified, len(s.Errors))
	}
	if s.Verified && s.Annotations["team"] != "a" {
		t.Errorf("verified with annotations %v", s.Annotations)
	}
	for _, e := range s.Errors {
		if e.Code == report.Internal {
			t.Errorf("internal: %s", e.Message)
		}
	}
}

// FuzzVerify_bundle: no Sigstore bundle ends the process, and none is verified
// that says something else than the signed ones.
func FuzzVerify_bundle(f *testing.F) {
	g := newTarget(f)
	for _, layout := range []sigstore.Layout{sigstore.Bundle, sigstore.BundleV02, sigstore.BundleV01} {
		for _, signer := range []*sigstore.Signer{g.key, g.ci} {
			raw, err := g.sign(signer, sigstore.SignOptions{Layout: layout}).Bundle()
			must(f, err)
			f.Add(raw)
			f.Add(raw[:len(raw)/2])
		}
	}
	f.Add([]byte(`{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {"publicKey": {}}, "dsseEnvelope": {"signatures": [{}]}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e := layerOf(t, ocispec.Descriptor{MediaType: sigstore.MediaTypeBundle}, raw)
		for _, s := range g.verifier.Verify(t.Context(), e, g.doc) {
			sound(t, s)
		}
		sound(t, g.verifier.VerifyBlob(t.Context(), verify.Blob{Digest: subject.Digest, Envelope: raw}, g.doc))
	})
}

// FuzzVerify_tampered replaces some bytes of a good bundle.
func FuzzVerify_tampered(f *testing.F) {
	g := newTarget(f)
	raw, err := g.sign(g.ci, sigstore.SignOptions{}).Bundle()
	must(f, err)
	for at := range 32 {
		f.Add(uint16(at*len(raw)/32), []byte{byte(at)})
	}
	f.Fuzz(func(t *testing.T, at uint16, patch []byte) {
		changed := slices.Clone(raw)
		copy(changed[int(at)%len(changed):], patch)
		for _, s := range g.verifier.Verify(t.Context(), layerOf(t, ocispec.Descriptor{MediaType: sigstore.MediaTypeBundle}, changed), g.doc) {
			sound(t, s)
		}
	})
}

// FuzzVerify_simpleSigning: payloads and annotations of .sig layers.
func FuzzVerify_simpleSigning(f *testing.F) {
	g := newTarget(f)
	f.Add([]byte(`{"critical":{"identity":{},"image":{"docker-manifest-digest":"`+subject.Digest.String()+`"},"type":"cosign container image signature"},"optional":{"team":1}}`), "AAAA", "-----BEGIN CERTIFICATE-----", `{"Payload":{"body":"e30=","logID":"00"}}`, `{"SignedRFC3161Timestamp":"MAA="}`)
	for _, signer := range []*sigstore.Signer{g.key, g.ci} {
		sig := g.sign(signer, sigstore.SignOptions{Layout: sigstore.Tag})
		stamp, err := json.Marshal(map[string]any{"SignedRFC3161Timestamp": sig.Timestamps[0]})
		must(f, err)
		f.Add(sig.Payload, base64.StdEncoding.EncodeToString(sig.Sig), "", "", string(stamp))
	}
	f.Fuzz(func(t *testing.T, payload []byte, signature, certificate, entry, stamp string) {
		e := layerOf(t, ocispec.Descriptor{MediaType: cosign.MediaTypeSimpleSigning, Annotations: map[string]string{
			"dev.cosignproject.cosign/signature": signature, "dev.sigstore.cosign/certificate": certificate,
			"dev.sigstore.cosign/bundle": entry, "dev.sigstore.cosign/rfc3161timestamp": stamp,
		}}, payload)
		for _, s := range g.verifier.Verify(t.Context(), e, g.doc) {
			sound(t, s)
		}
	})
}

// FuzzVerify_statement: DSSE envelopes and the statements in them, signed by the
// trusted key, so that the fuzzer reaches what lies behind the signature. What is
// verified is about the subject.
func FuzzVerify_statement(f *testing.F) {
	g := newTarget(f)
	doc := documentOf(f, map[string]any{"keys": []any{g.key.PEM()}})
	f.Add(g.sign(g.key, sigstore.SignOptions{PredicateType: sigstore.PredicateSLSA}).Payload)
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"x","subject":[{"digest":{"sha256":"` + subject.Digest.Encoded() + `"}},{"digest":{"gitCommit":"a"}}]}`))
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1","subject":[{"digest":{"sha512":"00"}}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) == 0 {
			return
		}
		sig, err := g.key.Sign(subject, sigstore.SignOptions{PredicateType: sigstore.PredicateSLSA, Payload: payload})
		must(t, err)
		raw, err := sig.Bundle()
		must(t, err)
		e := layerOf(t, ocispec.Descriptor{MediaType: sigstore.MediaTypeBundle}, raw)
		all, _ := g.verifier.VerifyAttestations(t.Context(), e, sigstore.PredicateSLSA, doc)
		for _, a := range all {
			checkStatement(t, a)
		}
	})
}

// checkStatement reads a verified statement again, as anybody would.
func checkStatement(t *testing.T, a report.Attestation) {
	t.Helper()
	if (a.Statement != nil) != a.Verified {
		t.Errorf("verified %t with statement %q", a.Verified, a.Statement)
	}
	if !a.Verified {
		return
	}
	var s struct {
		PredicateType string `json:"predicateType"`
		Subject       []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	must(t, json.Unmarshal(a.Statement, &s))
	about := false
	for _, one := range s.Subject {
		about = about || one.Digest["sha256"] == subject.Digest.Encoded()
	}
	if !about || a.PredicateType != sigstore.PredicateSLSA {
		t.Errorf("verified: %s", a.Statement)
	}
}
