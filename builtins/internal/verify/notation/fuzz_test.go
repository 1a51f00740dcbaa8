// SPDX-License-Identifier: Apache-2.0

package notation_test

import (
	"slices"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// FuzzVerify: no envelope ends the process, and none is verified that differs from
// the signed one in what it vouches for. The trust document names a CA whose keys
// the fuzzer does not have, so that nothing but the seeds' own signatures can count.
func FuzzVerify(f *testing.F) {
	ca, err := signtest.NewCA(signtest.CAOptions{})
	if err != nil {
		f.Fatal(err)
	}
	signer, err := ca.Leaf(signtest.LeafOptions{})
	if err != nil {
		f.Fatal(err)
	}
	for i, format := range signtest.Formats() {
		env, err := signer.Sign(f.Context(), subject, signtest.SignOptions{Format: format, UserMetadata: map[string]string{"team": "a"}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i == 0, env.Bytes)
		f.Add(i == 0, signtest.Truncate(env, len(env.Bytes)/2).Bytes)
	}
	f.Add(true, []byte(`{"payload":"","protected":"","header":{"x5c":[""]},"signature":""}`))
	f.Add(false, []byte{0xd2, 0x84, 0x40, 0xa0, 0x40, 0x40})
	doc, err := trust.Parse(ca.TrustJSON(), trust.Options{})
	if err != nil {
		f.Fatal(err)
	}
	verifier := notation.New(notation.Options{})
	f.Fuzz(func(t *testing.T, isJWS bool, envelope []byte) {
		mediaType := notation.MediaTypeCOSE
		if isJWS {
			mediaType = notation.MediaTypeJWS
		}
		s := bareScene(t)
		got := verifier.Verify(t.Context(), s.of(signtest.Envelope{MediaType: mediaType, Bytes: envelope}), doc)[0]
		if got.Verified == (len(got.Errors) > 0) {
			t.Errorf("verified = %t with %d errors", got.Verified, len(got.Errors))
		}
		if got.Verified && (got.Annotations["team"] != "a" || got.Trust.Store != "ca:acme") {
			t.Errorf("verified with annotations %v by %q", got.Annotations, got.Trust.Store)
		}
		for _, e := range got.Errors {
			if e.Code == "internal" {
				t.Errorf("internal: %s", e.Message)
			}
		}
	})
}

// bareScene has an image and no signature.
func bareScene(t *testing.T) *scene {
	t.Helper()
	return &scene{t: t, image: "registry.example/team/app", evidence: func(*verify.Evidence) {}}
}

// FuzzVerify_tampered replaces some bytes of a good envelope: if it is still
// verified, it vouches for the same by the same signer.
func FuzzVerify_tampered(f *testing.F) {
	ca, err := signtest.NewCA(signtest.CAOptions{})
	if err != nil {
		f.Fatal(err)
	}
	signer, err := ca.Leaf(signtest.LeafOptions{})
	if err != nil {
		f.Fatal(err)
	}
	good := map[bool]signtest.Envelope{}
	for i, format := range signtest.Formats() {
		good[i == 0], err = signer.Sign(f.Context(), subject, signtest.SignOptions{Format: format, UserMetadata: map[string]string{"team": "a"}})
		if err != nil {
			f.Fatal(err)
		}
		for at := range 16 {
			f.Add(i == 0, uint16(at*len(good[i == 0].Bytes)/16), []byte{byte(at)})
		}
	}
	doc, err := trust.Parse(ca.TrustJSON(), trust.Options{})
	if err != nil {
		f.Fatal(err)
	}
	verifier := notation.New(notation.Options{})
	f.Fuzz(func(t *testing.T, isJWS bool, at uint16, patch []byte) {
		env := signtest.Envelope{MediaType: good[isJWS].MediaType, Bytes: slices.Clone(good[isJWS].Bytes)}
		copy(env.Bytes[int(at)%len(env.Bytes):], patch)
		got := verifier.Verify(t.Context(), bareScene(t).of(env), doc)[0]
		if got.Verified && (got.Annotations["team"] != "a" || got.Signer.Subject != signer.Cert().Subject.String() || got.Trust.Store != "ca:acme") {
			t.Errorf("verified after tampering: %+v", got)
		}
	})
}
