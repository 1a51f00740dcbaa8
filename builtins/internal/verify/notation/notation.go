// SPDX-License-Identifier: Apache-2.0

// Package notation judges Notary Project signatures: bytes in, findings out.
//
// The cryptography and the verdict are notation-go's. This package chooses the
// statement of the trust policy, bounds what is parsed, gives the library its
// certificates and its revocation answers, and turns the library's outcome into
// a [report.Signature] in which every check has its own line and every failure
// its own code. Where the library says only text, the fact is derived again from
// the envelope and the certificates; a derived fact explains a failure, it never
// makes a signature pass.
//
// Nothing here dials: questions about revocation go to package revocation.
//
// Spec: Notary Project signature specification v1.1, trust store and trust
// policy specification v1.1.
package notation

import (
	"fmt"
	"time"

	"github.com/notaryproject/notation-core-go/signature/cose"
	"github.com/notaryproject/notation-core-go/signature/jws"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/revocation"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// Format is the name of the format in reports.
const Format = "notation"

// ArtifactType is the artifact type of signature manifests.
//
// Spec: Notary Project signature specification v1.1, "OCI signatures".
const ArtifactType = "application/vnd.cncf.notary.signature"

// The media types of envelopes.
const (
	MediaTypeJWS  = jws.MediaTypeEnvelope
	MediaTypeCOSE = cose.MediaTypeEnvelope
)

// Options is how a [Verifier] asks about revocation. The zero value asks nobody:
// certificates that name a responder are then revocation_unknown.
type Options struct {
	// RevocationClient asks OCSP responders and CRL distribution points; see
	// [revocation.Client] for what it must refuse. Nil: nobody is asked.
	RevocationClient *revocation.Client
	// RevocationTimeout bounds one answer about one chain. Zero: 5 s.
	RevocationTimeout time.Duration
	// RevocationMaxAge bounds how long an answer is reused. Zero: 1 h.
	RevocationMaxAge time.Duration
	// CacheBytes bounds the memory of kept CRLs. Zero: 64 MiB.
	CacheBytes int64
	// RevocationBook has answers about revocation from another time. Nil: none.
	RevocationBook revocation.Book
	// Now is the clock of caches and bounds. notation-go itself always uses the
	// machine's. Nil: time.Now.
	Now func() time.Time
	// AsOf makes the verifier judge as of Now also where notation-go reads the
	// machine's clock, which must not be behind: those two comparisons are then
	// made here. It is for evidence that was captured.
	AsOf bool
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Verifier judges Notary Project signatures. It may be shared between goroutines.
type Verifier struct {
	now        func() time.Time
	asOf       bool
	revocation revocation.Validators
	compiled   *evidence.Cache[*compiled]
}

// maxCompiled bounds the kept statements: a process knows few trust documents,
// unless a policy computes one for each request.
const maxCompiled = 256

// New returns a verifier with empty caches.
func New(o Options) *Verifier {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Verifier{
		now: o.Now, asOf: o.AsOf,
		revocation: revocation.New(revocation.Options{
			Client: o.RevocationClient, Timeout: o.RevocationTimeout, MaxAge: o.RevocationMaxAge, CacheBytes: o.CacheBytes, Book: o.RevocationBook, Now: o.Now,
		}),
		compiled: evidence.NewCache[*compiled](maxCompiled, maxCompiled, o.Now),
	}
}

// Format returns "notation".
func (*Verifier) Format() string { return Format }

// ArtifactTypes returns the one artifact type of Notary Project signatures.
func (*Verifier) ArtifactTypes() []string { return []string{ArtifactType} }

// Tags returns none: the Notary Project uses referrers only.
func (*Verifier) Tags(digest.Digest) []string { return nil }

// Skip returns false: a referrer of the artifact type is a signature.
func (*Verifier) Skip(ocispec.Descriptor) bool { return false }

// Accepts reports whether doc has a notation part.
func (*Verifier) Accepts(doc *trust.Document) bool { return doc.Notation() != nil }

// Applies returns nil if a statement of the trust policy covers ref and has
// certificates to verify with. Level skip is an error: a signature nobody looked
// at is not verified, and a policy that wants to admit such images says so itself.
func (*Verifier) Applies(ref reference.Reference, doc *trust.Document) *report.Error {
	part := doc.Notation()
	if part == nil {
		return trustError(report.NoTrustPolicy, "the trust document has no notation part")
	}
	statement := part.Statement(ref)
	if statement == nil {
		return trustError(report.NoTrustPolicy, fmt.Sprintf("no statement of the trust policy applies to %s; its registry scopes are %s", ref.Name(), report.Listed(part.Scopes())))
	}
	return usable(statement, ref.Name())
}

// usable returns nil if signatures on what can be judged by the statement.
func usable(statement *trust.Statement, what string) *report.Error {
	if statement.Skips() {
		return trustError(report.VerificationSkipped, fmt.Sprintf("the trust policy %q has level skip for %s: signatures are not verified; admit such images in Rego by this code", statement.Name, what))
	}
	if missing := missingStores(statement); missing != "" {
		return trustError(report.NoTrustMaterial, fmt.Sprintf("the trust policy %q has no certificates: %s", statement.Name, missing))
	}
	return nil
}

func trustError(code report.Code, message string) *report.Error {
	return &report.Error{Code: code, Message: report.Clip(message, report.MaxMessage), Stage: report.StageTrust}
}

// missingStores says what is missing if no store could anchor a signer, and ""
// if one can.
func missingStores(s *trust.Statement) string {
	missing := "it names no ca or signingAuthority store"
	for _, kind := range []string{trust.TypeCA, trust.TypeSigningAuthority} {
		for _, store := range s.StoresOf(kind) {
			if !store.Empty() {
				return ""
			}
			missing = fmt.Sprintf("%s: %s", store.Name, or(store.Missing, "the store is empty"))
		}
	}
	return missing
}

// Envelopes names the one blob of a signature manifest.
//
// Spec: Notary Project signature specification v1.1, "OCI signatures": config or
// artifact type, subject, exactly one layer.
func (*Verifier) Envelopes(m ocispec.Manifest) ([]ocispec.Descriptor, *report.Error) {
	switch {
	case !isSignature(m):
		return nil, malformed("the manifest is not a signature: artifact type %q, config %q; expected %s", m.ArtifactType, m.Config.MediaType, ArtifactType)
	case m.Subject == nil:
		return nil, malformed("the signature manifest has no subject")
	case len(m.Layers) != 1:
		return nil, malformed("the signature manifest has %d layers; exactly one, the envelope, is allowed", len(m.Layers))
	}
	envelope := m.Layers[0]
	switch {
	case envelope.MediaType != MediaTypeJWS && envelope.MediaType != MediaTypeCOSE:
		return nil, finding(report.UnsupportedFormat, "the envelope has media type %q; supported are %s and %s", envelope.MediaType, MediaTypeJWS, MediaTypeCOSE)
	case envelope.Size <= 0:
		return nil, malformed("the envelope has size %d", envelope.Size)
	case envelope.Size > maxEnvelope:
		return nil, overLimit(report.TooLarge, "the envelope has %d bytes; at most %d are read", envelope.Size, maxEnvelope)
	}
	return []ocispec.Descriptor{envelope}, nil
}

// isSignature: with an artifact type, that decides; without, the config's media
// type is it (image-spec v1.1, "Guidelines for Artifact Usage").
func isSignature(m ocispec.Manifest) bool {
	return or(m.ArtifactType, m.Config.MediaType) == ArtifactType
}

func malformed(format string, args ...any) *report.Error {
	return finding(report.MalformedSignature, format, args...)
}

func finding(code report.Code, format string, args ...any) *report.Error {
	return &report.Error{Code: code, Message: report.Clip(fmt.Sprintf(format, args...), report.MaxMessage), Stage: report.StageVerify}
}
