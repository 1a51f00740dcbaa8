// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/sigstore-go/pkg/testing/data"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

const slsa = "https://slsa.dev/provenance/v1"

// cosigners sign what the Cosign tests look at: a key and a GitHub workflow that
// are trusted, and their look-alikes.
type cosigners struct {
	instance         *sigstore.Instance
	key, otherKey    *sigstore.Signer
	workflow, forged *sigstore.Signer
}

func newCosigners(t *testing.T) *cosigners {
	t.Helper()
	c := &cosigners{}
	var err error
	c.instance, err = sigstore.NewInstance(sigstore.InstanceOptions{})
	fatal(t, err)
	c.key, err = sigstore.NewKey(sigstore.KeyOptions{})
	fatal(t, err)
	c.otherKey, err = sigstore.NewKey(sigstore.KeyOptions{})
	fatal(t, err)
	c.workflow, err = c.instance.Certify(sigstore.GitHub("acme/app", "release.yml", "refs/tags/v1"))
	fatal(t, err)
	c.forged, err = c.instance.Certify(sigstore.GitHub("acme/app.evil", "release.yml", "refs/tags/v1"))
	fatal(t, err)
	return c
}

// trust returns the trust document that goes with a signer.
func (c *cosigners) trust(keyless bool) map[string]any {
	if keyless {
		return c.instance.TrustDocument(c.workflow.Identity())
	}
	return c.key.TrustDocument()
}

// TestCosignSignatures is the table "format × key or keyless" of README.md: every
// layout, by a key and by an identity, with its siblings that must not count.
func TestCosignSignatures(t *testing.T) {
	t.Parallel()
	c := newCosigners(t)
	for _, layout := range sigstore.Layouts() {
		for _, keyless := range []bool{false, true} {
			signer, stranger := c.key, c.otherKey
			if keyless {
				signer, stranger = c.workflow, c.forged
			}
			for _, tt := range []struct {
				name string
				sign func(t *testing.T, r *registrytest.Registry, image, other ocispec.Descriptor)
				want string
			}{
				{"good", attached(signer, sigstore.SignOptions{Layout: layout}), "verified"},
				{"stranger", attached(stranger, sigstore.SignOptions{Layout: layout}), "rejected"},
				{"good beside stranger", func(t *testing.T, r *registrytest.Registry, image, other ocispec.Descriptor) {
					if layout == sigstore.Tag {
						both := []*sigstore.Signature{signed(t, stranger, image, layout), signed(t, signer, image, layout)}
						_, err := sigstore.AttachAll(t.Context(), r, "app", image, both)
						fatal(t, err)
						return
					}
					attached(stranger, sigstore.SignOptions{Layout: layout})(t, r, image, other)
					attached(signer, sigstore.SignOptions{Layout: layout})(t, r, image, other)
				}, "verified"},
				{"of another image", func(t *testing.T, r *registrytest.Registry, image, other ocispec.Descriptor) {
					_, err := sigstore.Attach(t.Context(), r, "app", image, signed(t, signer, other, layout))
					fatal(t, err)
				}, "rejected"},
				{"lone attestation", attached(signer, sigstore.SignOptions{Layout: layout, PredicateType: slsa}), "rejected"},
				{"tampered payload", func(t *testing.T, r *registrytest.Registry, image, _ ocispec.Descriptor) {
					s := signed(t, signer, image, layout)
					fatal(t, s.FlipPayload())
					_, err := sigstore.Attach(t.Context(), r, "app", image, s)
					fatal(t, err)
				}, "rejected"},
				{"tampered signature", func(t *testing.T, r *registrytest.Registry, image, _ ocispec.Descriptor) {
					s := signed(t, signer, image, layout)
					s.FlipSignature()
					_, err := sigstore.Attach(t.Context(), r, "app", image, s)
					fatal(t, err)
				}, "rejected"},
			} {
				t.Run(fmt.Sprintf("%s/keyless=%v/%s", layout, keyless, tt.name), func(t *testing.T) {
					t.Parallel()
					r := registrytest.Start(t, registrytest.Options{})
					image, err := r.PushImage(t.Context(), "app", "v1")
					fatal(t, err)
					other, err := r.PushImage(t.Context(), "app", "v2")
					fatal(t, err)
					tt.sign(t, r, image, other)
					report := eval(t, "x = ratify.verify(input)", map[string]any{"image": r.Reference("app", image.Digest), "trust": c.trust(keyless)})
					if got := report.(map[string]any)["verdict"]; got != tt.want {
						t.Errorf("got %v, want %s: %v", got, tt.want, report)
					}
				})
			}
		}
	}
}

func attached(s *sigstore.Signer, o sigstore.SignOptions) func(*testing.T, *registrytest.Registry, ocispec.Descriptor, ocispec.Descriptor) {
	return func(t *testing.T, r *registrytest.Registry, image, _ ocispec.Descriptor) {
		t.Helper()
		_, err := s.SignAndAttach(t.Context(), r, "app", image, o)
		fatal(t, err)
	}
}

func signed(t *testing.T, s *sigstore.Signer, subject ocispec.Descriptor, layout sigstore.Layout) *sigstore.Signature {
	t.Helper()
	signature, err := s.Sign(subject, sigstore.SignOptions{Layout: layout})
	fatal(t, err)
	return signature
}

// A Cosign image by digest costs what a Notation image costs, and one question
// for the .sig tag that runs beside the others.
func TestCosignRequestsPerImage(t *testing.T) {
	t.Parallel()
	c := newCosigners(t)
	r := registrytest.Start(t, registrytest.Options{})
	image, err := r.PushImage(t.Context(), "app", "v1")
	fatal(t, err)
	attached(c.key, sigstore.SignOptions{})(t, r, image, image)
	r.ResetRequests()
	got := eval(t, "x = ratify.verify(input).verdict", map[string]any{"image": r.Reference("app", image.Digest), "trust": c.trust(false)})
	if got != "verified" {
		t.Fatalf("got %v", got)
	}
	if n := len(r.Requests()); n != 4 {
		t.Errorf("%d requests: %+v", n, r.Requests())
	}
	r.ResetRequests()
	eval(t, "x = ratify.verify(input).verdict", map[string]any{"image": r.Reference("app", image.Digest), "trust": c.trust(false)})
	if n := len(r.Requests()); n != 0 {
		t.Errorf("again: %d requests: %+v", n, r.Requests())
	}
}

// Both formats in one trust document: either may accept, and nothing of the one
// hides the other.
func TestBothFormatsInOneDocument(t *testing.T) {
	t.Parallel()
	c, b := newCosigners(t), newBench(t)
	trust := map[string]any{"notation": b.trust["notation"], "cosign": c.key.TrustDocument()["cosign"]}
	for _, tt := range []struct {
		name            string
		notary, sigstor bool
		want            string
	}{
		{"none", false, false, "rejected"}, {"notation", true, false, "verified"}, {"cosign", false, true, "verified"}, {"both", true, true, "verified"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			image, err := b.registry.PushImage(t.Context(), "both-"+tt.name, "v1")
			fatal(t, err)
			if tt.notary {
				_, err := b.release.SignAndAttach(t.Context(), b.registry, "both-"+tt.name, image, signtest.SignOptions{})
				fatal(t, err)
			}
			if tt.sigstor {
				_, err := c.key.SignAndAttach(t.Context(), b.registry, "both-"+tt.name, image, sigstore.SignOptions{})
				fatal(t, err)
			}
			got := eval(t, "x = ratify.verify(input).verdict", map[string]any{"image": b.registry.Reference("both-"+tt.name, image.Digest), "trust": trust})
			if got != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}

// Statements come with their content, of exactly one predicate type, and only if
// they are verified.
func TestAttestations(t *testing.T) {
	t.Parallel()
	c := newCosigners(t)
	for _, layout := range sigstore.Layouts() {
		for _, keyless := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/keyless=%v", layout, keyless), func(t *testing.T) {
				t.Parallel()
				signer, stranger := c.key, c.otherKey
				if keyless {
					signer, stranger = c.workflow, c.forged
				}
				r := registrytest.Start(t, registrytest.Options{})
				image, err := r.PushImage(t.Context(), "app", "v1")
				fatal(t, err)
				var all []*sigstore.Signature
				for s, o := range map[*sigstore.Signer][]sigstore.SignOptions{
					signer: {
						{Layout: layout, PredicateType: slsa, Predicate: map[string]any{"builder": "trusted"}},
						{Layout: layout, PredicateType: "https://cosign.sigstore.dev/attestation/vuln/v1", Predicate: map[string]any{"scanner": "x"}},
					},
					stranger: {{Layout: layout, PredicateType: slsa, Predicate: map[string]any{"builder": "forged"}}},
				} {
					for _, o := range o {
						a, err := s.Sign(image, o)
						fatal(t, err)
						all = append(all, a)
					}
				}
				attachAll(t, r, image, layout, all)
				got := eval(t, `r := ratify.attestations(input); x = {
					"verdict": r.verdict,
					"builders": [a.statement.predicate.builder | some a in r.attestations; a.verified],
					"types": {a.predicate_type | some a in r.attestations; a.verified},
					"shown": [a | some a in r.attestations; not a.verified; a.statement != {}],
				}`, map[string]any{"image": r.Reference("app", image.Digest), "predicate_type": slsa, "trust": c.trust(keyless)})
				want := map[string]any{"verdict": "verified", "builders": []any{"trusted"}, "types": []any{slsa}, "shown": []any{}}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		}
	}
}

// Who asks for a type that is not there hears of those that are, though nobody
// vouches for them; a signature is none of them.
func TestAttestationsOfOtherTypes(t *testing.T) {
	t.Parallel()
	const spdx = "https://spdx.dev/Document"
	long := "https://acme.example/" + strings.Repeat("x", 2000)
	c := newCosigners(t)
	for _, layout := range sigstore.Layouts() {
		for _, tt := range []struct {
			name     string
			types    []string
			says     []string
			saysNot  []string
			verified bool
		}{
			{name: "others", types: []string{slsa, spdx, slsa}, says: []string{"attestation of this predicate type is attached", `not verified, there is "https://slsa.dev/provenance/v1", "https://spdx.dev/Document"; attest it`}},
			{name: "this one among them", types: []string{slsa, "https://asked.example"}, verified: true},
			{name: "a signature", types: []string{""}, says: []string{"no cosign attestation is attached"}, saysNot: []string{"there is"}},
			{name: "unfit for a message", types: []string{long, "a\n\"b\x1b[31m"}, says: []string{`"a \"b [31m"`, "xx…"}, saysNot: []string{"\n", "\x1b", strings.Repeat("x", 129)}},
			{name: "many", types: []string{"k", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}, says: []string{`"g", "h", …; attest`}, saysNot: []string{`"i"`}},
		} {
			t.Run(fmt.Sprintf("%s/%s", layout, tt.name), func(t *testing.T) {
				t.Parallel()
				r := registrytest.Start(t, registrytest.Options{})
				image, err := r.PushImage(t.Context(), "app", "v1")
				fatal(t, err)
				var all []*sigstore.Signature
				for _, predicateType := range tt.types {
					a, err := c.key.Sign(image, sigstore.SignOptions{Layout: layout, PredicateType: predicateType, Predicate: map[string]any{}})
					fatal(t, err)
					all = append(all, a)
				}
				attachAll(t, r, image, layout, all)
				got := eval(t, `r := ratify.attestations(input); x = {"verified": r.verified, "errors": r.errors}`,
					map[string]any{"image": r.Reference("app", image.Digest), "predicate_type": "https://asked.example", "trust": c.trust(false)}).(map[string]any)
				if got["verified"] != tt.verified {
					t.Errorf("%v", got)
				}
				message := ""
				for _, e := range got["errors"].([]any) {
					message += e.(map[string]any)["message"].(string)
					if code := e.(map[string]any)["code"]; code != "no_signature" {
						t.Errorf("code %v", code)
					}
				}
				for _, says := range tt.says {
					if !strings.Contains(message, says) {
						t.Errorf("%q is not in %s", says, message)
					}
				}
				for _, not := range tt.saysNot {
					if strings.Contains(message, not) {
						t.Errorf("%q is in %s", not, message)
					}
				}
			})
		}
	}
}

// attachAll keeps legacy signatures in one manifest, as cosign does.
func attachAll(t *testing.T, r *registrytest.Registry, image ocispec.Descriptor, layout sigstore.Layout, all []*sigstore.Signature) {
	t.Helper()
	chunks := slices.Chunk(all, 1)
	if layout == sigstore.Tag {
		chunks = slices.Chunk(all, len(all))
	}
	for some := range chunks {
		_, err := sigstore.AttachAll(t.Context(), r, "app", image, some)
		fatal(t, err)
	}
}

func TestVerifyBlobOfASigstoreBundle(t *testing.T) {
	t.Parallel()
	c := newCosigners(t)
	blob := []byte("a policy bundle")
	for _, keyless := range []bool{false, true} {
		signer, stranger := c.key, c.otherKey
		if keyless {
			signer, stranger = c.workflow, c.forged
		}
		for _, tt := range []struct {
			name   string
			signer *sigstore.Signer
			bytes  []byte
			want   string
		}{
			{"good", signer, blob, "verified"},
			{"stranger", stranger, blob, "rejected"},
			{"other bytes", signer, []byte("another"), "rejected"},
		} {
			t.Run(fmt.Sprintf("keyless=%v/%s", keyless, tt.name), func(t *testing.T) {
				t.Parallel()
				signature, err := tt.signer.SignBlob(blob, sigstore.SignOptions{})
				fatal(t, err)
				raw, err := signature.Bundle()
				fatal(t, err)
				var bundle any
				fatal(t, json.Unmarshal(raw, &bundle))
				for form, request := range map[string]map[string]any{
					"bytes":  {"bytes": base64.StdEncoding.EncodeToString(tt.bytes), "envelope": bundle},
					"digest": {"digest": digest.FromBytes(tt.bytes).String(), "envelope": base64.StdEncoding.EncodeToString(raw)},
				} {
					request["trust"] = c.trust(keyless)
					got := eval(t, "x = ratify.verify_blob(input)", request)
					if verdict := got.(map[string]any)["verdict"]; verdict != tt.want {
						t.Errorf("by %s: %v, want %s: %v", form, verdict, tt.want, got)
					}
				}
			})
		}
	}
}

// A flood of junk before the good signature never makes it a rejection: the cap
// is named, and raising it helps.
func TestJunkBeforeTheGoodSignatureIsNotARejection(t *testing.T) {
	t.Parallel()
	c := newCosigners(t)
	r := registrytest.Start(t, registrytest.Options{})
	image, err := r.PushImage(t.Context(), "app", "v1")
	fatal(t, err)
	fatal(t, sigstore.AttachJunk(t.Context(), r, "app", image, 1000))
	attached(c.key, sigstore.SignOptions{})(t, r, image, image)
	got := eval(t, `r := ratify.verify(input); x = [r.verdict, {e.code | some e in r.errors; e.code == "too_many"}]`,
		map[string]any{"image": r.Reference("app", image.Digest), "trust": c.trust(false)})
	if s := fmt.Sprint(got); s != "[inconclusive [too_many]]" && s != "[verified [too_many]]" {
		t.Errorf("got %v", got)
	}
}

// A statement about a file, as GitHub's artifact attestations are: of the demanded
// type, by the trusted signer, about this very file; content only then.
func TestVerifyBlobOfAStatement(t *testing.T) {
	t.Parallel()
	c := newCosigners(t)
	file, other := digest.FromString("a release"), digest.FromString("another")
	for _, keyless := range []bool{false, true} {
		signer, stranger := c.key, c.otherKey
		if keyless {
			signer, stranger = c.workflow, c.forged
		}
		for _, tt := range []struct {
			name          string
			signer        *sigstore.Signer
			file          digest.Digest
			predicateType string
			want          string
		}{
			{"good", signer, file, slsa, "[verified trusted]"},
			{"stranger", stranger, file, slsa, "[rejected ]"},
			{"other file", signer, other, slsa, "[rejected ]"},
			{"other type", signer, file, "https://slsa.dev/provenance/v0.2", "[rejected ]"},
			{"no type: a statement is no signature", signer, file, "", "[rejected ]"},
		} {
			t.Run(fmt.Sprintf("keyless=%v/%s", keyless, tt.name), func(t *testing.T) {
				t.Parallel()
				signature, err := tt.signer.Sign(ocispec.Descriptor{Digest: file}, sigstore.SignOptions{
					PredicateType: slsa, Predicate: map[string]any{"builder": "trusted"},
				})
				fatal(t, err)
				raw, err := signature.Bundle()
				fatal(t, err)
				request := map[string]any{"digest": tt.file.String(), "envelope": base64.StdEncoding.EncodeToString(raw), "trust": c.trust(keyless)}
				if tt.predicateType != "" {
					request["predicate_type"] = tt.predicateType
				}
				got := eval(t, `r := ratify.verify_blob(input); x = [r.verdict, object.get(r, ["attestations", 0, "statement", "predicate", "builder"], "")]`, request)
				if fmt.Sprint(got) != tt.want {
					t.Errorf("got %v, want %s", got, tt.want)
				}
			})
		}
	}
}

// What the public instance signed, npm's provenance of sigstore.js 2.0.0, is
// verified with the trusted root in the binary, offline.
func TestPublicInstance(t *testing.T) {
	t.Parallel()
	raw, err := data.Bundle(t, "sigstore.js@2.0.0-provenance.sigstore.json").MarshalJSON()
	fatal(t, err)
	var bundle any
	fatal(t, json.Unmarshal(raw, &bundle))
	const sha512 = "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c"
	for repository, want := range map[string]string{
		"https://github.com/sigstore/sigstore-js":   "[verified pkg:npm/sigstore@2.0.0]",
		"https://github.com/sigstore/sigstore-evil": "[rejected ]",
	} {
		got := eval(t, `r := ratify.verify_blob(input); x = [r.verdict, object.get(r, ["attestations", 0, "statement", "subject", 0, "name"], "")]`, map[string]any{
			"digest": sha512, "envelope": bundle, "predicate_type": slsa,
			"trust": map[string]any{"cosign": map[string]any{
				"identities":   []any{map[string]any{"issuer": "https://token.actions.githubusercontent.com", "repository": repository}},
				"trusted_root": "public-good",
			}},
		})
		if fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, want %s", repository, got, want)
		}
	}
}

// What was found about statements of a type is never an answer about signatures,
// whatever the type is called and whatever the registry says it is.
func TestPredicateTypeNamedSignatureIsNoSignature(t *testing.T) {
	t.Parallel()
	c := newCosigners(t)
	r := registrytest.Start(t, registrytest.Options{})
	image, err := r.PushImage(t.Context(), "app", "v1")
	fatal(t, err)
	statement, err := c.key.Sign(image, sigstore.SignOptions{PredicateType: "signature"})
	fatal(t, err)
	statement.PredicateType = sigstore.PredicateSignature // unsigned: what the manifest says
	_, err = sigstore.Attach(t.Context(), r, "app", image, statement)
	fatal(t, err)
	request := map[string]any{"image": r.Reference("app", image.Digest), "trust": c.trust(false)}
	attest := map[string]any{"image": request["image"], "trust": request["trust"], "predicate_type": "signature"}
	for range 2 {
		if got := eval(t, "x = ratify.attestations(input).verdict", attest); got != "verified" {
			t.Errorf("as a statement: %v", got)
		}
		if got := eval(t, "x = ratify.verify(input).verdict", request); got != "rejected" {
			t.Errorf("as a signature: %v", got)
		}
	}
}
