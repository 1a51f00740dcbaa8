// SPDX-License-Identifier: Apache-2.0

package notation_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// scene is one signature, the policy it is judged by, and what a test changes
// about either. A scene nothing was changed about is verified.
type scene struct {
	t        testing.TB
	format   signtest.Format
	ca       *signtest.CA
	leaf     signtest.LeafOptions
	signer   *signtest.Signer // nil: a leaf of ca
	sign     signtest.SignOptions
	tamper   func(signtest.Envelope) (signtest.Envelope, error)
	policy   policy
	image    string
	evidence func(*verify.Evidence)
	verifier *notation.Verifier
	options  trust.Options
}

type policy struct {
	scopes       []string
	verification map[string]any
	identities   []string
	stores       map[string][]any // nil: ca:acme with the root of the scene's CA
}

var subject = ocispec.Descriptor{
	MediaType: ocispec.MediaTypeImageManifest,
	Digest:    digest.FromString("the image"),
	Size:      9,
}

func newScene(tb testing.TB, format signtest.Format) *scene {
	tb.Helper()
	return &scene{
		t: tb, format: format, ca: newCA(tb, signtest.CAOptions{CommonName: "acme root"}),
		tamper:   func(e signtest.Envelope) (signtest.Envelope, error) { return e, nil },
		image:    "registry.example/team/app",
		evidence: func(*verify.Evidence) {},
		policy: policy{
			scopes:       []string{"*"},
			verification: map[string]any{"level": "strict"},
			identities:   []string{"*"},
		},
		verifier: notation.New(notation.Options{RevocationClient: http.DefaultClient, RevocationTimeout: 10 * time.Second}),
	}
}

func newCA(tb testing.TB, o signtest.CAOptions) *signtest.CA {
	tb.Helper()
	ca, err := signtest.NewCA(o)
	if err != nil {
		tb.Fatal(err)
	}
	return ca
}

func newLeaf(tb testing.TB, ca *signtest.CA, o signtest.LeafOptions) *signtest.Signer {
	tb.Helper()
	s, err := ca.Leaf(o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// signed returns the envelope of the scene, after tampering.
func (s *scene) signed() signtest.Envelope {
	s.t.Helper()
	if s.signer == nil {
		s.signer = newLeaf(s.t, s.ca, s.leaf)
	}
	s.sign.Format = s.format
	env, err := s.signer.Sign(s.t.Context(), subject, s.sign)
	if err != nil {
		s.t.Fatal(err)
	}
	if env, err = s.tamper(env); err != nil {
		s.t.Fatal(err)
	}
	return env
}

func (s *scene) document() *trust.Document {
	s.t.Helper()
	raw, err := json.Marshal(map[string]any{"notation": map[string]any{
		"trust_policy": s.trustPolicy(), "trust_stores": s.storesOf(),
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	doc, err := trust.Parse(raw, s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	return doc
}

// of wraps an envelope into the evidence that the engine would bring.
func (s *scene) of(env signtest.Envelope) verify.Evidence {
	s.t.Helper()
	ref, err := reference.Parse(s.image + "@" + subject.Digest.String())
	if err != nil {
		s.t.Fatal(err)
	}
	named := subject
	e := verify.Evidence{
		Subject:    ref,
		Descriptor: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("the signature manifest")},
		Manifest: ocispec.Manifest{
			ArtifactType: notation.ArtifactType,
			Subject:      &named,
			Layers:       []ocispec.Descriptor{{MediaType: env.MediaType, Digest: digest.FromBytes(env.Bytes), Size: int64(len(env.Bytes))}},
		},
		Blobs: [][]byte{env.Bytes},
	}
	s.evidence(&e)
	return e
}

func (s *scene) verify() report.Signature {
	s.t.Helper()
	return s.verifier.Verify(s.t.Context(), s.of(s.signed()), s.document())[0]
}

// compare verifies and asks notation-go alone for a second opinion.
func (s *scene) compare(stricter bool) report.Signature {
	s.t.Helper()
	e := s.of(s.signed())
	got := s.verifier.Verify(s.t.Context(), e, s.document())[0]
	s.checkLibrary(e, got.Verified, stricter)
	return got
}

// verdict is what most tests compare: the codes of the errors and, for each check,
// the first letter of its outcome in the order of the report (integrity,
// authenticity, identity, expiry, authentic_timestamp, revocation).
type verdict struct {
	Verified bool
	Codes    string
	Checks   string
}

func verdictOf(s report.Signature) verdict {
	v := verdict{Verified: s.Verified}
	var codes, letters []string
	for _, e := range s.Errors {
		code := string(e.Code)
		if e.Retryable {
			code += "?"
		}
		codes = append(codes, code)
	}
	for _, c := range s.Checks {
		letters = append(letters, c.Outcome[:1])
	}
	v.Codes, v.Checks = strings.Join(codes, " "), strings.Join(letters, "")
	return v
}

func messages(s report.Signature) string {
	var all []string
	for _, e := range s.Errors {
		all = append(all, string(e.Code)+": "+e.Message)
	}
	return strings.Join(all, "\n")
}

// critical is a signed attribute that every verifier must understand.
func critical(name string) []signature.Attribute {
	return []signature.Attribute{{Key: name, Critical: true, Value: "x"}}
}
