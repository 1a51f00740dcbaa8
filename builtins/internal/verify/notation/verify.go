// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"context"
	"fmt"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/revocation"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

// Verify judges one signature by the statement of doc that applies to its
// subject. Whatever is wrong is a finding in the result; it does not panic.
//
// The result's ValidUntil is the next instant at which the same bytes could get
// another judgement.
//
// Spec: Notary Project, trust policy v1.1, "Signature evaluation".
func (v *Verifier) Verify(ctx context.Context, e verify.Evidence, doc *trust.Document) []report.Signature {
	return []report.Signature{v.verify(ctx, e, doc)}
}

func (v *Verifier) verify(ctx context.Context, e verify.Evidence, doc *trust.Document) (s report.Signature) {
	defer func() {
		if r := recover(); r != nil {
			s = reject(e, finding(report.Internal, "verifying the signature panicked: %s; please report this", report.OneLine(fmt.Sprint(r))))
		}
	}()
	if refused := v.Applies(e.Subject, doc); refused != nil {
		return reject(e, refused)
	}
	return v.verifyBy(ctx, e, doc, doc.Notation().Statement(e.Subject))
}

// verifyBy judges one signature by a statement.
func (v *Verifier) verifyBy(ctx context.Context, e verify.Evidence, doc *trust.Document, statement *trust.Statement) report.Signature {
	if refused := admissible(e); refused != nil {
		return reject(e, refused)
	}
	j, err := v.judge(ctx, e, doc, statement)
	if err != nil {
		return reject(e, finding(report.Internal, "%s", report.OneLine(err.Error())))
	}
	return j.report()
}

// judgement is one signature and what the library says about it.
type judgement struct {
	verifier  *Verifier
	evidence  verify.Evidence
	statement *trust.Statement
	answers   *revocation.Answers // what revocation responders said

	outcome *notation.VerificationOutcome
	err     error // the library's verdict: nil is verified

	content *signature.EnvelopeContent // nil without integrity
	target  ocispec.Descriptor         // what the payload vouches for
	results []check
}

func (v *Verifier) judge(ctx context.Context, e verify.Evidence, doc *trust.Document, statement *trust.Statement) (*judgement, error) {
	j := &judgement{verifier: v, evidence: e, statement: statement}
	c, err := v.compile(doc, j.statement)
	if err != nil {
		return nil, err
	}
	ctx, j.answers = revocation.WithAnswers(ctx)
	ctx = withChain(ctx, e.Manifest.Layers[0].MediaType, e.Blobs[0])
	j.outcome, j.err = c.Verify(ctx, subject(e), e.Blobs[0], notation.VerifierVerifyOptions{
		ArtifactReference:  artifactReference,
		SignatureMediaType: e.Manifest.Layers[0].MediaType,
		UserMetadata:       e.Annotations,
	})
	if j.outcome == nil {
		return nil, fmt.Errorf("notation-go gave no outcome: %w", j.err)
	}
	j.content = j.outcome.EnvelopeContent
	return j, nil
}

// admissible checks what needs no cryptography.
func admissible(e verify.Evidence) *report.Error {
	m := e.Manifest
	switch {
	case m.Subject == nil || len(m.Layers) != 1 || len(e.Blobs) != 1:
		return malformed("the signature manifest needs a subject and exactly one layer")
	case m.Subject.Digest != e.Subject.Digest:
		return finding(report.SubjectMismatch, "the signature manifest names the subject %s, not %s", report.OneLine(m.Subject.Digest.String()), e.Subject.Digest)
	}
	return admit(m.Layers[0].MediaType, e.Blobs[0])
}

// subject is what the payload must vouch for: the digest that was resolved. Its
// size and media type are the signature manifest's word; if that lies, it differs
// from the payload, and if both lie, the digest still says what was signed.
func subject(e verify.Evidence) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: e.Manifest.Subject.MediaType, Digest: e.Subject.Digest, Size: e.Manifest.Subject.Size}
}

// blank is the report of a signature nobody has looked at.
func blank(e verify.Evidence) report.Signature {
	return report.Signature{
		Format: Format, ArtifactType: ArtifactType, Digest: e.Descriptor.Digest.String(),
		Annotations: map[string]string{}, Signer: report.Signer{Claims: map[string]string{}},
		Checks: []report.Check{}, Errors: []report.Error{},
	}
}

func reject(e verify.Evidence, reason *report.Error) report.Signature {
	s := blank(e)
	s.Errors = append(s.Errors, *reason)
	return s
}
