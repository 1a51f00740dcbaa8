// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// job is one run: what was asked, what it may still spend, and what its report
// rests on.
type job struct {
	*Engine

	request   Request
	demands   string // of request, as a key
	freshness evidence.Freshness
	progress  *progress
	readings  []reading
	spent     atomic.Int64 // bytes of evidence
	basis     basis
}

func newJob(e *Engine, p *progress, req Request, readings []reading) *job {
	return &job{
		Engine: e, request: req, demands: demands(req), progress: p, readings: readings,
		freshness: req.freshness(), basis: basis{until: e.options.Now().Add(e.options.OutcomeTTL)},
	}
}

// report is the flow from resolving to the report.
func (j *job) report(ctx context.Context, ref reference.Reference) *report.Report {
	r := &report.Report{Image: j.request.Image, Reference: ref.String(), Digest: ref.Digest.String()}
	subject, desc, err := j.resolve(ctx, ref)
	if err != nil {
		r.Errors = append(r.Errors, j.unseen(report.StageResolve, "resolve "+ref.String(), err))
		return r.Conclude()
	}
	r.Reference, r.Digest, r.MediaType = subject.String(), subject.Digest.String(), desc.MediaType

	children := j.childrenLater(ctx, subject, desc)
	all, told, errs := j.judge(ctx, subject, desc)
	r.Attestations, r.Signatures, r.Errors = all, plain(all), errs
	r.Platforms, desc, r.Errors = children(r.Errors)
	r.MediaType = cmp.Or(r.MediaType, desc.MediaType, told)
	r.Stale = j.basis.stale
	explain(r, withheld(j.request.Trust, ref))
	return r.Conclude()
}

// resolve fixes the subject's digest. A digest reference needs no registry: its
// media type is learned later. A tag is always asked for after its TTL, as a new
// digest would be another image.
func (j *job) resolve(ctx context.Context, ref reference.Reference) (reference.Reference, ocispec.Descriptor, error) {
	if ref.Digest != "" {
		return ref, ocispec.Descriptor{Digest: ref.Digest}, nil
	}
	ctx, done := j.stage(ctx, j.progress, report.StageResolve)
	desc, age, err := j.options.Source.Resolve(ctx, ref, j.request.freshness())
	done(err)
	j.restsOn(report.StageResolve, "resolve "+ref.String(), age)
	return ref.WithDigest(desc.Digest), desc, err
}

// finding is what is kept about one manifest: its signatures or attestations, and
// what it told about the subject.
type finding struct {
	all       []report.Attestation
	others    []string  // predicate types of what else is there, quoted
	mediaType string    // of the subject
	until     time.Time // it is not repeated from then on; zero: at all
}

func (f finding) verified() bool {
	return slices.ContainsFunc(f.all, func(a report.Attestation) bool { return a.Verified })
}

// judge lists, fetches and verifies what is attached to one subject. mediaType
// is what the first accepted signature, or else the registry, said of the
// subject.
func (j *job) judge(ctx context.Context, subject reference.Reference, desc ocispec.Descriptor) (all []report.Attestation, mediaType string, errs []report.Error) {
	candidates, others, errs := j.list(ctx, subject)
	findings := make([]finding, len(candidates))
	faults := parallel(len(candidates), maxParallel, func(i int) { findings[i] = j.one(ctx, subject, candidates[i]) })
	for i, f := range findings {
		if faults[i] != nil {
			f = j.fault(candidates[i], faults[i])
		}
		j.basis.limit(f.until)
		all, others = append(all, f.all...), append(others, f.others...)
		if mediaType == "" || f.verified() {
			mediaType = cmp.Or(f.mediaType, mediaType)
		}
	}
	if len(all) > 0 {
		return all, mediaType, append(errs, summary(subject, j.readings[0].what, plain(all))...)
	}
	if len(errs) > 0 {
		return nil, mediaType, errs
	}
	told, why := j.absent(ctx, subject, desc, others)
	return nil, cmp.Or(told, mediaType), []report.Error{why}
}

// one gives the finding about one manifest: the kept one while it is valid,
// otherwise a new one.
func (j *job) one(ctx context.Context, subject reference.Reference, c candidate) finding {
	key := j.outcomeKey(subject, c)
	if f, ok := j.outcomes.Get(key); ok && !j.freshness.Fresh {
		j.options.Observe("outcomes", true)
		return f
	}
	j.options.Observe("outcomes", false)
	e, failure := j.fetch(ctx, subject, c)
	if failure != nil {
		return j.unread(c, *failure)
	}
	ctx, done := j.stage(ctx, j.progress, report.StageVerify)
	var f finding
	f.all, f.others = j.timed(ctx, c.reading, e)
	done(nil)
	if e.Manifest.Subject != nil {
		f.mediaType = e.Manifest.Subject.MediaType
	}
	return j.keep(key, f)
}

func (j *job) timed(ctx context.Context, r reading, e Evidence) (all []report.Attestation, others []string) {
	started := j.options.Now()
	all, others = r.judge(ctx, e, j.request.Trust)
	verified, code := finding{all: all}.verified(), ""
	if !verified && len(all) > 0 && len(all[0].Errors) > 0 {
		code = string(all[0].Errors[0].Code)
	}
	j.options.Judged(ctx, r.format, verified, code, j.options.Now().Sub(started))
	return all, others
}

// outcomeKey names everything a finding depends on: what was signed, by which
// signature, judged by which trust document under which name.
func (j *job) outcomeKey(subject reference.Reference, c candidate) string {
	return keyOf(c.reading.format, c.reading.what, j.demands, subject.String(), c.desc.Digest.String())
}

// keep remembers a finding no longer than what it rests on is valid, and a
// failure only for a moment.
func (j *job) keep(key string, f finding) finding {
	ttl, cost := j.options.FailureTTL, int64(1)
	if f.verified() {
		ttl = j.options.OutcomeTTL
	}
	f.until = j.options.Now().Add(ttl)
	for _, a := range f.all {
		if until := a.ValidUntil; !until.IsZero() && until.Before(f.until) {
			f.until = until
		}
		cost += int64(len(a.Statement)) / outcomeCost
	}
	j.outcomes.Put(key, f, cost, f.until)
	return f
}

// fetch brings a signature's manifest and the blobs its verifier needs.
func (j *job) fetch(ctx context.Context, subject reference.Reference, c candidate) (e Evidence, failure *report.Error) {
	ctx, done := j.stage(ctx, j.progress, report.StageFetch)
	defer func() { done(failureErr(failure)) }()
	e = Evidence{Subject: subject, Descriptor: c.desc, Annotations: j.request.Annotations}
	what := fmt.Sprintf("fetch %s %s of %s", c.reading.what, c.desc.Digest, subject)
	_, raw, err := j.options.Source.Manifest(ctx, subject, c.desc)
	if err != nil {
		return e, new(j.unseen(report.StageFetch, what, err))
	}
	if err := json.Unmarshal(raw, &e.Manifest); err != nil {
		return e, &report.Error{Code: report.MalformedSignature, Stage: report.StageFetch, Message: what + ": not a manifest: " + oneLine(err)}
	}
	blobs, failure := c.reading.envelopes(e.Manifest)
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

// unread is the finding about a manifest that could not be read.
func (j *job) unread(c candidate, why report.Error) finding {
	return finding{all: []report.Attestation{{PredicateType: j.request.PredicateType, Signature: report.Signature{
		Format: c.reading.format, ArtifactType: c.desc.ArtifactType, Digest: c.desc.Digest.String(),
		Errors: []report.Error{why},
	}}}}
}

func (j *job) fault(c candidate, err error) finding {
	return j.unread(c, report.Error{
		Code: report.Internal, Stage: report.StageVerify, Unseen: true,
		Message: fmt.Sprintf("internal fault (the %s does not count; please report it): %s", c.reading.what, oneLine(err)),
	})
}
