// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"sync/atomic"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/fair"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// Request is one question: is Image signed as Trust demands?
type Request struct {
	// Image is the reference as the caller wrote it. Required.
	Image string
	// Trust says which signers count. Nil: nothing can be verified, and Untrusted
	// says why.
	Trust *trust.Document
	// Untrusted is the reason for a nil Trust.
	Untrusted error
	// Platform, "os/architecture[/variant]", is demanded of the child of an
	// index as well; "*" means every child. "": only what the reference names.
	Platform string
	// Annotations are demanded of the signature. Nil: none.
	Annotations map[string]string
	// PredicateType asks for attestations of exactly this type instead of
	// signatures: the report's Attestations then have the content of those that
	// are verified.
	PredicateType string
	// Timeout bounds the answer. Zero: the engine's own, [Options].Timeout.
	Timeout time.Duration
	// Fresh asks the registry about everything that can change, whatever is known,
	// and judges anew.
	Fresh bool
	// MaxStale accepts what the registry said last, if it is no older than this,
	// when it cannot be asked; the report names it as stale. Zero: never.
	MaxStale time.Duration
}

// Source is where evidence comes from, with the memory that [evidence.Store] has.
type Source interface {
	// Resolve returns the descriptor that ref names.
	Resolve(ctx context.Context, ref reference.Reference, f evidence.Freshness) (ocispec.Descriptor, evidence.Age, error)
	// Probe resolves a tag that usually does not exist; the digest is "" then.
	Probe(ctx context.Context, ref reference.Reference, f evidence.Freshness) (ocispec.Descriptor, evidence.Age, error)
	// Referrers lists what names subject, of one artifact type, or all if it is "".
	Referrers(ctx context.Context, subject reference.Reference, artifactType string, f evidence.Freshness) ([]ocispec.Descriptor, evidence.Age, error)
	// Manifest returns the manifest desc names in ref's repository, and desc, complete.
	Manifest(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) (ocispec.Descriptor, []byte, error)
	// Blob returns the blob desc names in ref's repository.
	Blob(ctx context.Context, ref reference.Reference, desc ocispec.Descriptor) ([]byte, error)
}

// Options configure an [Engine].
type Options struct {
	// Source gives evidence. Required.
	Source Source
	// Verifiers judge signatures, one per format. Required.
	Verifiers []Verifier
	// Classify names the reason behind an error of Source. Required.
	Classify func(error) (code report.Code, retryable bool)
	// MaxSignatures bounds the signatures judged per subject. Zero: 50.
	MaxSignatures int
	// MaxBytes bounds the evidence fetched per verification, in bytes. Zero: 64 MiB.
	MaxBytes int64
	// MaxConcurrent bounds the verifications under way, of which one registry has
	// at most three quarters; see [fair.Gate]. Zero: 128.
	MaxConcurrent int
	// Outcomes bounds the number of findings kept; a statement counts by its
	// size. Zero: 10 000.
	Outcomes int
	// ReportBytes is the memory for whole reports, in bytes. Zero: 32 MiB.
	// Negative: none are kept.
	ReportBytes int64
	// FailureTTL is how long a finding that is not "verified" is reused. Zero:
	// 2 s.
	FailureTTL time.Duration
	// OutcomeTTL bounds how long a verified finding is reused, whatever its own
	// validity says. Zero: 1 h.
	OutcomeTTL time.Duration
	// Timeout bounds one verification, callers or not. Zero: 10 s.
	Timeout time.Duration
	// Stage is told when a step begins and, by the function it returns, how it
	// ended. Nil: nobody is.
	Stage func(ctx context.Context, name string) (context.Context, func(error))
	// Judged is told how long judging one manifest took and what came of it; code
	// is the first reason, "" for what is verified. Nil: nobody is.
	Judged func(ctx context.Context, format string, verified bool, code string, d time.Duration)
	// Observe is told of each use of the cache of findings. Nil: nobody is.
	Observe func(cache string, hit bool)
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// outcomeCost is the size in bytes of a usual finding, the unit of the cache of
// findings.
const outcomeCost = 4 << 10

// Engine runs the flow. It may be shared between goroutines.
type Engine struct {
	options    Options
	outcomes   *evidence.Cache[finding]
	reports    *evidence.Cache[*report.Report]
	flight     *evidence.Flight[*report.Report]
	progresses progresses
	fresh      atomic.Uint64 // counts runs that are shared with nobody
	places     *fair.Gate    // MaxConcurrent, shared between registries
}

// New returns an engine.
func New(o Options) *Engine {
	o = o.withDefaults()
	return &Engine{
		options:  o,
		outcomes: evidence.NewCache[finding](o.Outcomes, int64(o.Outcomes), o.Now),
		reports:  evidence.NewCache[*report.Report](o.Outcomes, o.ReportBytes, o.Now),
		flight:   evidence.NewFlight[*report.Report](o.Timeout),
		places:   fair.New(o.MaxConcurrent),
	}
}

// Verify reports which signatures on the image the trust document accepts.
//
// The image is resolved to a digest once, before anything else; every later
// step uses that digest, so a tag that moves meanwhile cannot mix two images in
// one report.
//
// A bad signature, an unsigned image and a registry out of reach are findings.
// Verify always returns a complete report; when ctx or the request's timeout
// ends first it is inconclusive and names the stage that was under way, and the
// work goes on for those who ask next. Concurrent questions about one subject
// share one run. The report is shared: do not change it.
//
// Spec: Notary Project trust store and trust policy specification v1.0.0,
// "Signature Evaluation"; OCI distribution v1.1.1, "Listing Referrers".
func (e *Engine) Verify(ctx context.Context, req Request) *report.Report {
	if r, ok := e.known(req); ok {
		return r
	}
	ref, err := reference.Parse(req.Image)
	if err != nil {
		return refused(req.Image, report.Error{Code: report.InvalidReference, Message: err.Error(), Stage: report.StageParse, Unseen: true})
	}
	readings, why := e.applicable(ref, req)
	if why != nil {
		r := refused(req.Image, append([]report.Error{*why}, withheld(req.Trust, ref)...)...)
		r.Reference = ref.String()
		return r
	}
	return e.share(ctx, req, ref, readings)
}

// run is the flow, once, for everybody who asked. What is out of date but still
// shows the image to be signed is enough; nobody is turned away because of it.
func (e *Engine) run(ctx context.Context, p *progress, req Request, ref reference.Reference, readings []reading) *report.Report {
	j := newJob(e, p, req, readings)
	j.freshness.Revalidate = !req.Fresh && req.PredicateType == ""
	r := j.report(ctx, ref)
	if !r.Verified && j.revalidating() {
		j = newJob(e, p, req, readings)
		r = j.report(ctx, ref)
	}
	j.keepReport(r)
	return r
}

// applicable selects the readings that the trust document wants for ref. The
// error says why none of them can accept anything.
func (e *Engine) applicable(ref reference.Reference, req Request) ([]reading, *report.Error) {
	doc, why := req.Trust, &report.Error{Code: report.NoTrustPolicy, Stage: report.StageTrust}
	if doc == nil {
		why.Message = "no trust document to judge by: pass one as \"trust\" in the request, or set up notation's trust policy and trust store on this machine"
		if req.Untrusted != nil {
			why.Message += " (" + oneLine(req.Untrusted) + ")"
		}
		return nil, why
	}
	why.Message = "the trust document accepts no format of attestations; give it a cosign part"
	var chosen []reading
	for _, v := range e.options.Verifiers {
		r, ok := read(v, req.PredicateType)
		if !ok || !v.Accepts(doc) {
			continue
		}
		if not := v.Applies(ref, doc); not != nil {
			why = not
			continue
		}
		chosen = append(chosen, r)
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	return nil, why
}

// read is how v reads evidence for a request, if it can.
func read(v Verifier, predicateType string) (reading, bool) {
	if predicateType == "" {
		return signatures(v), true
	}
	a, ok := v.(Attester)
	if !ok {
		return reading{}, false
	}
	return statements(a, predicateType), true
}

// refused is the report of a question that ended before any network.
func refused(image string, why ...report.Error) *report.Report {
	return (&report.Report{Image: image, Errors: why}).Conclude()
}

// unseen turns an error of the source into a finding: something is missing.
func (e *Engine) unseen(stage report.Stage, doing string, err error) report.Error {
	code, retryable := e.options.Classify(err)
	return report.Error{Code: code, Message: doing + ": " + oneLine(err), Stage: stage, Retryable: retryable, Unseen: true}
}

func (o Options) withDefaults() Options {
	setDefault(&o.MaxSignatures, 50)
	setDefault(&o.MaxBytes, 64<<20)
	setDefault(&o.MaxConcurrent, 128)
	setDefault(&o.Outcomes, 10_000)
	setDefault(&o.ReportBytes, 32<<20)
	setDefault(&o.FailureTTL, 2*time.Second)
	setDefault(&o.OutcomeTTL, time.Hour)
	setDefault(&o.Timeout, 10*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Stage == nil {
		o.Stage = func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	}
	if o.Judged == nil {
		o.Judged = func(context.Context, string, bool, string, time.Duration) {}
	}
	if o.Observe == nil {
		o.Observe = func(string, bool) {}
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// maxQuestions bounds the requests of one VerifyAll that are at work at the same
// time. It is far above what the network sees of them: one slow registry must not
// hold up the questions about others.
const maxQuestions = 1024

// VerifyAll answers many requests concurrently, in their order. One that hangs
// or fails leaves the others untouched.
func (e *Engine) VerifyAll(ctx context.Context, reqs []Request) []*report.Report {
	reports := make([]*report.Report, len(reqs))
	faults := parallel(len(reqs), maxQuestions, func(i int) { reports[i] = e.Verify(ctx, reqs[i]) })
	for i, fault := range faults {
		if fault != nil {
			reports[i] = refused(reqs[i].Image, report.Error{Code: report.Internal, Stage: report.StageVerify, Unseen: true, Message: "internal fault: " + oneLine(fault)})
		}
	}
	return reports
}
