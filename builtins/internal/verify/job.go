// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// job is one run: what was asked, and what it may still spend.
type job struct {
	*Engine

	request   Request
	progress  *progress
	verifiers []Verifier
	spent     atomic.Int64 // bytes of evidence
}

// candidate is a referrer that some verifier understands.
type candidate struct {
	verifier Verifier
	desc     ocispec.Descriptor
}

// finding is what is kept about one signature, and what its manifest told about
// the subject.
type finding struct {
	signature report.Signature
	mediaType string // of the subject
}

// judge lists, fetches and verifies the signatures of one subject. mediaType is
// what the first accepted signature, or else the registry, said of the subject.
func (j *job) judge(ctx context.Context, subject reference.Reference, desc ocispec.Descriptor) (signatures []report.Signature, mediaType string, errs []report.Error) {
	candidates, errs := j.list(ctx, subject)
	if len(candidates) == 0 {
		if len(errs) > 0 {
			return nil, "", errs
		}
		mediaType, why := j.absent(ctx, subject, desc)
		return nil, mediaType, []report.Error{why}
	}
	findings := make([]finding, len(candidates))
	faults := parallel(len(candidates), maxParallel, func(i int) { findings[i] = j.one(ctx, subject, candidates[i]) })
	for i, f := range findings {
		if faults[i] != nil {
			f = j.fault(candidates[i], faults[i])
		}
		signatures = append(signatures, f.signature)
		if mediaType == "" || f.signature.Verified {
			mediaType = f.mediaType
		}
	}
	return signatures, mediaType, append(errs, summary(subject, signatures)...)
}

// list asks for the referrers of every artifact type a verifier understands, all
// at once.
func (j *job) list(ctx context.Context, subject reference.Reference) ([]candidate, []report.Error) {
	ctx, done := j.stage(ctx, j.progress, report.StageReferrers)
	type question struct {
		verifier     Verifier
		artifactType string
	}
	var questions []question
	for _, v := range j.verifiers {
		for _, t := range v.ArtifactTypes() {
			questions = append(questions, question{v, t})
		}
	}
	lists := make([][]ocispec.Descriptor, len(questions))
	failures := make([]error, len(questions))
	faults := parallel(len(questions), maxParallel, func(i int) {
		lists[i], failures[i] = j.options.Source.Referrers(ctx, subject, questions[i].artifactType)
	})
	var candidates []candidate
	var errs []report.Error
	var last error
	for i, q := range questions {
		for _, d := range lists[i] {
			candidates = append(candidates, candidate{q.verifier, d})
		}
		if err := orElse(faults[i], failures[i]); err != nil {
			last = err
			errs = append(errs, j.unseen(report.StageReferrers, "list referrers of "+subject.String(), err))
		}
	}
	done(last)
	return j.capped(subject, candidates, errs)
}

func (j *job) capped(subject reference.Reference, candidates []candidate, errs []report.Error) ([]candidate, []report.Error) {
	most := j.options.MaxSignatures
	if len(candidates) <= most {
		return candidates, errs
	}
	return candidates[:most], append(errs, report.Error{
		Code: report.TooMany, Stage: report.StageReferrers, Unseen: true,
		Message: fmt.Sprintf("%s has %d signatures; only the first %d were judged (plugins.ratify.limits.signatures)", subject, len(candidates), most),
	})
}

// absent tells "unsigned" from "not there at all", which a referrers list does
// not. It costs a request only when there is no signature.
func (j *job) absent(ctx context.Context, subject reference.Reference, desc ocispec.Descriptor) (mediaType string, why report.Error) {
	if desc.MediaType == "" {
		var err error
		ctx, done := j.stage(ctx, j.progress, report.StageResolve)
		desc, err = j.options.Source.Resolve(ctx, subject)
		done(err)
		if err != nil {
			return "", j.unseen(report.StageResolve, "resolve "+subject.String(), err)
		}
	}
	formats := make([]string, len(j.verifiers))
	for i, v := range j.verifiers {
		formats[i] = v.Format()
	}
	return desc.MediaType, report.Error{
		Code: report.NoSignature, Stage: report.StageReferrers,
		Message: fmt.Sprintf("no %s signature is attached to %s; sign it, or exempt it in policy", strings.Join(formats, " or "), subject),
	}
}

// one gives the finding about one signature: the kept one while it is valid,
// otherwise a new one.
func (j *job) one(ctx context.Context, subject reference.Reference, c candidate) finding {
	key := j.outcomeKey(subject, c)
	if f, ok := j.outcomes.Get(key); ok {
		j.options.Observe("outcomes", true)
		return f
	}
	j.options.Observe("outcomes", false)
	e, failure := j.fetch(ctx, subject, c)
	if failure != nil {
		return j.unread(c, *failure)
	}
	ctx, done := j.stage(ctx, j.progress, report.StageVerify)
	signature := c.verifier.Verify(ctx, e, j.request.Trust)
	done(nil)
	f := finding{signature: signature}
	if e.Manifest.Subject != nil {
		f.mediaType = e.Manifest.Subject.MediaType
	}
	j.keep(key, f)
	return f
}

// outcomeKey names everything a finding depends on: what was signed, by which
// signature, judged by which trust document under which name.
func (j *job) outcomeKey(subject reference.Reference, c candidate) string {
	annotations, err := json.Marshal(j.request.Annotations)
	if err != nil {
		panic(err) // a map of strings always marshals
	}
	sum := sha256.Sum256(annotations)
	return strings.Join([]string{c.verifier.Format(), j.request.Trust.Hash(), subject.String(), c.desc.Digest.String(), hex.EncodeToString(sum[:])}, " ")
}

// keep remembers a finding no longer than what it rests on is valid, and a
// failure only for a moment.
func (j *job) keep(key string, f finding) {
	ttl := j.options.FailureTTL
	if f.signature.Verified {
		ttl = j.options.OutcomeTTL
	}
	expires := j.options.Now().Add(ttl)
	if until := f.signature.ValidUntil; !until.IsZero() && until.Before(expires) {
		expires = until
	}
	j.outcomes.Put(key, f, 1, expires)
}

// fetch brings a signature's manifest and the blobs its verifier needs.
func (j *job) fetch(ctx context.Context, subject reference.Reference, c candidate) (e Evidence, failure *report.Error) {
	ctx, done := j.stage(ctx, j.progress, report.StageFetch)
	defer func() { done(failureErr(failure)) }()
	e = Evidence{Subject: subject, Descriptor: c.desc, Annotations: j.request.Annotations}
	what := fmt.Sprintf("fetch signature %s of %s", c.desc.Digest, subject)
	_, raw, err := j.options.Source.Manifest(ctx, subject, c.desc)
	if err != nil {
		return e, new(j.unseen(report.StageFetch, what, err))
	}
	if err := json.Unmarshal(raw, &e.Manifest); err != nil {
		return e, &report.Error{Code: report.MalformedSignature, Stage: report.StageFetch, Message: what + ": not a manifest: " + oneLine(err)}
	}
	blobs, failure := c.verifier.Envelopes(e.Manifest)
	if failure != nil {
		failure.Message = what + ": " + failure.Message
		return e, failure
	}
	for _, b := range blobs {
		if spent := j.spent.Add(b.Size); b.Size < 0 || spent > j.options.MaxBytes {
			return e, &report.Error{Code: report.TooLarge, Stage: report.StageFetch, Unseen: true, Message: fmt.Sprintf(
				"%s: the evidence of this image exceeds %d bytes (plugins.ratify.limits.total_bytes)", what, j.options.MaxBytes)}
		}
		blob, err := j.options.Source.Blob(ctx, subject, b)
		if err != nil {
			return e, new(j.unseen(report.StageFetch, what, err))
		}
		e.Blobs = append(e.Blobs, blob)
	}
	return e, nil
}

// unread is the finding about a signature that could not be read.
func (j *job) unread(c candidate, why report.Error) finding {
	return finding{signature: report.Signature{
		Format: c.verifier.Format(), ArtifactType: c.desc.ArtifactType, Digest: c.desc.Digest.String(),
		Errors: []report.Error{why},
	}}
}

func (j *job) fault(c candidate, err error) finding {
	return j.unread(c, report.Error{
		Code: report.Internal, Stage: report.StageVerify, Unseen: true,
		Message: "internal fault (the signature does not count; please report it): " + oneLine(err),
	})
}
