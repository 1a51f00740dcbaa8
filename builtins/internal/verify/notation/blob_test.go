// SPDX-License-Identifier: Apache-2.0

package notation_test

import (
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func TestVerifyBlob(t *testing.T) {
	t.Parallel()
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	signer, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	stranger, err := signtest.SelfSigned(signtest.LeafOptions{})
	fatal(t, err)
	doc, err := trust.Parse(ca.TrustJSON(), trust.Options{})
	fatal(t, err)
	blob := []byte("a policy bundle")
	target := ocispec.Descriptor{MediaType: "application/gzip", Digest: digest.FromBytes(blob), Size: int64(len(blob))}
	for _, format := range signtest.Formats() {
		good, err := signer.Sign(t.Context(), target, signtest.SignOptions{Format: format, UserMetadata: map[string]string{"team": "a"}})
		fatal(t, err)
		foreign, err := stranger.Sign(t.Context(), target, signtest.SignOptions{Format: format})
		fatal(t, err)
		flipped, err := signtest.FlipPayload(good)
		fatal(t, err)
		for _, tt := range []struct {
			name string
			blob verify.Blob
			want report.Code
		}{
			{"good", verify.Blob{Digest: target.Digest, Envelope: good.Bytes}, ""},
			{"statement by name", verify.Blob{Digest: target.Digest, Envelope: good.Bytes, Policy: "release"}, ""},
			{"annotation as demanded", verify.Blob{Digest: target.Digest, Envelope: good.Bytes, Annotations: map[string]string{"team": "a"}}, ""},
			{"no such statement", verify.Blob{Digest: target.Digest, Envelope: good.Bytes, Policy: "nobody"}, report.NoTrustPolicy},
			{"other annotation", verify.Blob{Digest: target.Digest, Envelope: good.Bytes, Annotations: map[string]string{"team": "b"}}, report.AnnotationMismatch},
			{"other blob", verify.Blob{Digest: digest.FromString("another"), Envelope: good.Bytes}, report.SubjectMismatch},
			{"stranger", verify.Blob{Digest: target.Digest, Envelope: foreign.Bytes}, report.UntrustedCertificate},
			{"tampered", verify.Blob{Digest: target.Digest, Envelope: flipped.Bytes}, report.InvalidSignature},
			{"truncated", verify.Blob{Digest: target.Digest, Envelope: good.Bytes[:len(good.Bytes)/2]}, report.MalformedSignature},
			{"empty", verify.Blob{Digest: target.Digest}, report.MalformedSignature},
		} {
			t.Run(string(format)+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				s := notation.New(notation.Options{}).VerifyBlob(t.Context(), tt.blob, doc)
				if s.Verified != (tt.want == "") || tt.want != "" && (len(s.Errors) == 0 || s.Errors[0].Code != tt.want) {
					t.Errorf("verified %v, errors %+v; want %q", s.Verified, s.Errors, tt.want)
				}
			})
		}
	}
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
