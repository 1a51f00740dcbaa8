// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// world is a registry, a CA with two signers and an engine that trusts one.
type world struct {
	*registrytest.Registry

	ca       *signtest.CA
	release  *signtest.Signer
	stranger *signtest.Signer
	doc      *trust.Document
	engine   *verify.Engine
	subject  ocispec.Descriptor
	began    time.Time
	passed   atomic.Int64 // nanoseconds since
}

// now is the clock of the caches, which only the test moves on.
func (w *world) now() time.Time { return w.began.Add(time.Duration(w.passed.Load())) }

func (w *world) pass(d time.Duration) { w.passed.Add(int64(d)) }

func newWorld(t *testing.T, ro registrytest.Options, change func(*verify.Options)) *world {
	t.Helper()
	w := &world{Registry: registrytest.Start(t, ro), began: time.Now()}
	w.ca = must(signtest.NewCA(signtest.CAOptions{}))(t)
	w.release = must(w.ca.Leaf(signtest.LeafOptions{}))(t)
	w.stranger = must(must(signtest.NewCA(signtest.CAOptions{CommonName: "stranger"}))(t).Leaf(signtest.LeafOptions{}))(t)
	w.doc = must(trust.Parse(w.ca.TrustJSON(), trust.Options{}))(t)
	client := must(registry.New(registry.Options{}))(t)
	store := evidence.NewStore(client, evidence.Options{
		TagTTL: time.Minute, ReferrersTTL: time.Minute, Revalidate: time.Hour, MaxStale: 24 * time.Hour, FailureTTL: time.Millisecond, Now: w.now,
		Passing: func(err error) bool { _, retryable := registry.Classify(err); return retryable }, Describe: registry.Describe,
	})
	o := verify.Options{
		Source: store, Verifiers: []verify.Verifier{notation.New(notation.Options{})}, Classify: registry.Classify,
		FailureTTL: time.Millisecond, Now: w.now,
	}
	if change != nil {
		change(&o)
	}
	w.engine = verify.New(o)
	return w
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// signed pushes an image and signs it.
func (w *world) signed(t *testing.T, repo string, by *signtest.Signer, o signtest.SignOptions) ocispec.Descriptor {
	t.Helper()
	image := must(w.PushImage(t.Context(), repo, "v1"))(t)
	must(by.SignAndAttach(t.Context(), w.Registry, repo, image, o))(t)
	w.ResetRequests()
	return image
}

func (w *world) image(repo string) string { return w.Host() + "/" + repo + ":v1" }

func (w *world) verify(t *testing.T, image string) *report.Report {
	t.Helper()
	return w.engine.Verify(t.Context(), verify.Request{Image: image, Trust: w.doc})
}

func want(t *testing.T, r *report.Report, verdict report.Verdict, code report.Code) {
	t.Helper()
	if r.Verdict != verdict || r.Verified != (verdict == report.Verified) {
		t.Fatalf("verdict %q, verified %v; want %q; report %+v", r.Verdict, r.Verified, verdict, r)
	}
	if code == "" {
		if len(r.Errors) > 0 {
			t.Errorf("errors beside %s: %+v", verdict, r.Errors)
		}
		return
	}
	if len(r.Errors) == 0 || r.Errors[len(r.Errors)-1].Code != code {
		t.Errorf("errors %+v; want %s", r.Errors, code)
	}
}

func TestVerifiedSignature(t *testing.T) {
	t.Parallel()
	for _, format := range signtest.Formats() {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{}, nil)
			image := w.signed(t, "app", w.release, signtest.SignOptions{Format: format})
			for _, ref := range []string{w.image("app"), w.Reference("app", image.Digest)} {
				r := w.verify(t, ref)
				want(t, r, report.Verified, "")
				if r.Digest != image.Digest.String() || r.Reference != w.Reference("app", image.Digest) || r.MediaType != image.MediaType {
					t.Errorf("subject is %q, %q, %q", r.Reference, r.Digest, r.MediaType)
				}
			}
		})
	}
}

func TestRequestsPerImage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		digest bool
		inline bool // the envelope, in its descriptor
		want   int
		again  int // after the TTL
	}{
		{"digest: referrers, manifest, blob", true, false, 3, 1},
		{"tag: one more", false, false, 4, 2},
		{"inline envelope: referrers, manifest", true, true, 2, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{}, nil)
			image := must(w.PushImage(t.Context(), "app", "v1"))(t)
			envelope := must(w.release.Sign(t.Context(), image, signtest.SignOptions{}))(t)
			var edits []signtest.Edit
			if tt.inline {
				edits = append(edits, signtest.InlineData(envelope.Bytes))
			}
			must(signtest.Attach(t.Context(), w.Registry, "app", image, envelope, edits...))(t)
			ref := w.image("app")
			if tt.digest {
				ref = w.Reference("app", image.Digest)
			}
			want(t, w.verify(t, ref), report.Verified, "")
			if got := len(w.Requests()); got != tt.want {
				t.Errorf("cold: %d requests, want %d: %+v", got, tt.want, w.Requests())
			}
			w.ResetRequests()
			want(t, w.verify(t, ref), report.Verified, "")
			if got := len(w.Requests()); got != 0 {
				t.Errorf("within the TTL: %d requests: %+v", got, w.Requests())
			}
			w.pass(2 * time.Minute)
			want(t, w.verify(t, ref), report.Verified, "")
			w.await(t, tt.again)
		})
	}
}

func TestRejected(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make func(t *testing.T, w *world)
		want report.Code
	}{
		{"unsigned", func(t *testing.T, w *world) {
			must(w.PushImage(t.Context(), "app", "v1"))(t)
		}, report.NoSignature},
		{"stranger", func(t *testing.T, w *world) {
			w.signed(t, "app", w.stranger, signtest.SignOptions{})
		}, report.UntrustedCertificate},
		{"expired", func(t *testing.T, w *world) {
			w.signed(t, "app", w.release, signtest.SignOptions{SigningTime: time.Now().Add(-2 * time.Hour), Expiry: time.Hour})
		}, report.Expired},
		{"copied from another image", func(t *testing.T, w *world) {
			other := must(w.PushImage(t.Context(), "other", "v1"))(t)
			env := must(w.release.Sign(t.Context(), other, signtest.SignOptions{}))(t)
			image := must(w.PushImage(t.Context(), "app", "v1"))(t)
			must(signtest.Attach(t.Context(), w.Registry, "app", image, env))(t)
		}, report.SubjectMismatch},
		{"tampered", func(t *testing.T, w *world) {
			image := must(w.PushImage(t.Context(), "app", "v1"))(t)
			env := must(w.release.Sign(t.Context(), image, signtest.SignOptions{}))(t)
			env = must(signtest.FlipPayload(env))(t)
			must(signtest.Attach(t.Context(), w.Registry, "app", image, env))(t)
		}, report.InvalidSignature},
		{"truncated", func(t *testing.T, w *world) {
			image := must(w.PushImage(t.Context(), "app", "v1"))(t)
			env := must(w.release.Sign(t.Context(), image, signtest.SignOptions{}))(t)
			must(signtest.Attach(t.Context(), w.Registry, "app", image, signtest.Truncate(env, len(env.Bytes)/2)))(t)
		}, report.MalformedSignature},
		{"two layers", func(t *testing.T, w *world) {
			image := must(w.PushImage(t.Context(), "app", "v1"))(t)
			env := must(w.release.Sign(t.Context(), image, signtest.SignOptions{}))(t)
			must(signtest.Attach(t.Context(), w.Registry, "app", image, env, signtest.TwoLayers(env)))(t)
		}, report.MalformedSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{}, nil)
			tt.make(t, w)
			want(t, w.verify(t, w.image("app")), report.Rejected, tt.want)
		})
	}
}

func TestOneGoodSignatureAmongMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	image := w.signed(t, "app", w.stranger, signtest.SignOptions{})
	must(w.release.SignAndAttach(t.Context(), w.Registry, "app", image, signtest.SignOptions{}))(t)
	must(w.stranger.SignAndAttach(t.Context(), w.Registry, "app", image, signtest.SignOptions{Format: signtest.COSE}))(t)
	r := w.verify(t, w.image("app"))
	want(t, r, report.Verified, "")
	verified := 0
	for _, s := range r.Signatures {
		if s.Verified {
			verified++
		} else if len(s.Errors) == 0 {
			t.Errorf("a signature that is not accepted has no reason: %+v", s)
		}
	}
	if len(r.Signatures) != 3 || verified != 1 {
		t.Errorf("%d signatures, %d verified", len(r.Signatures), verified)
	}
}

func TestTooManySignaturesAreInconclusive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, func(o *verify.Options) { o.MaxSignatures = 2 })
	image := w.signed(t, "app", w.stranger, signtest.SignOptions{})
	for range 3 {
		must(w.stranger.SignAndAttach(t.Context(), w.Registry, "app", image, signtest.SignOptions{}))(t)
	}
	r := w.verify(t, w.image("app"))
	if r.Verdict != report.Inconclusive || r.Errors[0].Code != report.TooMany {
		t.Errorf("verdict %s, errors %+v", r.Verdict, r.Errors)
	}
}

// What could not be seen is never a rejection.
func TestFaultsAreInconclusive(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		fault     registrytest.Fault
		want      report.Code
		retryable bool
	}{
		{"429 on referrers", registrytest.Fault{Kind: registrytest.KindReferrers, Action: registrytest.Status(429, nil)}, report.RateLimited, true},
		{"503 on the tag", registrytest.Fault{Kind: registrytest.KindManifest, Reference: "v1", Action: registrytest.Status(503, nil)}, report.Unavailable, true},
		{"500 on referrers", registrytest.Fault{Kind: registrytest.KindReferrers, Action: registrytest.Status(500, nil)}, report.Unavailable, true},
		{"503 on the envelope", registrytest.Fault{Kind: registrytest.KindBlob, Action: registrytest.Status(503, nil)}, report.Unavailable, true},
		{"401 on everything", registrytest.Fault{Action: registrytest.Status(401, nil)}, report.Unauthorized, false},
		{"403 on everything", registrytest.Fault{Action: registrytest.Status(403, nil)}, report.Unauthorized, false},
		{"404 on the tag", registrytest.Fault{Kind: registrytest.KindManifest, Reference: "v1", Action: registrytest.Status(404, nil)}, report.NotFound, false},
		{"404 on the envelope", registrytest.Fault{Kind: registrytest.KindBlob, Action: registrytest.Status(404, nil)}, report.NotFound, false},
		{"reset on everything", registrytest.Fault{Action: registrytest.Reset()}, report.Unavailable, true},
		{"flipped byte in the envelope", registrytest.Fault{Kind: registrytest.KindBlob, Action: registrytest.FlipByte(10)}, report.DigestMismatch, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{}, nil)
			w.signed(t, "app", w.release, signtest.SignOptions{})
			remove := w.Inject(tt.fault)
			r := w.verify(t, w.image("app"))
			want(t, r, report.Inconclusive, tt.want)
			if got := r.Errors[len(r.Errors)-1]; got.Retryable != tt.retryable || got.Stage == "" || got.Message == "" {
				t.Errorf("error %+v; want retryable %v", got, tt.retryable)
			}
			remove()
			w.pass(time.Minute)
			want(t, w.verify(t, w.image("app")), report.Verified, "")
		})
	}
}

func TestUnknownDigestIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	w.signed(t, "app", w.release, signtest.SignOptions{})
	r := w.verify(t, w.Host()+"/app@sha256:"+strings.Repeat("0", 64))
	want(t, r, report.Inconclusive, report.NotFound)
}

func TestHungRegistryNamesTheStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	image := w.signed(t, "app", w.release, signtest.SignOptions{})
	release := make(chan struct{})
	remove := w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: registrytest.Hold(release)})
	r := w.engine.Verify(t.Context(), verify.Request{Image: w.Reference("app", image.Digest), Trust: w.doc, Timeout: 2 * time.Second})
	want(t, r, report.Inconclusive, report.Timeout)
	if e := r.Errors[0]; e.Stage != report.StageReferrers || !e.Retryable || !strings.Contains(e.Message, "referrers") {
		t.Errorf("error %+v", e)
	}
	close(release)
	remove()
	want(t, w.verify(t, w.Reference("app", image.Digest)), report.Verified, "")
}

func TestCancellationFailsNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	image := w.signed(t, "app", w.release, signtest.SignOptions{})
	release := make(chan struct{})
	arrived := make(chan struct{}, 8)
	w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: announce(arrived)})
	w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: registrytest.Hold(release)})
	first, cancel := context.WithCancel(t.Context())
	gone := make(chan *report.Report, 1)
	go func() {
		gone <- w.engine.Verify(first, verify.Request{Image: w.Reference("app", image.Digest), Trust: w.doc})
	}()
	<-arrived
	stays := make(chan *report.Report, 1)
	go func() { stays <- w.verify(t, w.Reference("app", image.Digest)) }()
	cancel()
	want(t, <-gone, report.Inconclusive, report.Timeout)
	close(release)
	want(t, <-stays, report.Verified, "")
	if n := w.Count(registrytest.KindReferrers); n != 1 {
		t.Errorf("%d referrers requests", n)
	}
}

// announce tells arrived of every request and lets it pass.
func announce(arrived chan<- struct{}) registrytest.Action {
	return registrytest.Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			next.ServeHTTP(rw, r)
		})
	})
}

func TestConcurrentQuestionsShareOneRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	image := w.signed(t, "app", w.release, signtest.SignOptions{})
	requests := make([]verify.Request, 50)
	for i := range requests {
		requests[i] = verify.Request{Image: w.Reference("app", image.Digest), Trust: w.doc}
	}
	for _, r := range w.engine.VerifyAll(t.Context(), requests) {
		want(t, r, report.Verified, "")
	}
	if n := len(w.Requests()); n != 3 {
		t.Errorf("%d requests for 50 questions about one image", n)
	}
}

// The tag moves to another image after it was resolved: the report stays with
// the first.
func TestMovingTagDoesNotMixImages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	good := w.signed(t, "app", w.release, signtest.SignOptions{})
	evil := must(w.PushImage(t.Context(), "app", "evil"))(t)
	w.Inject(registrytest.Fault{Kind: registrytest.KindManifest, Reference: "v1", Action: registrytest.Alternate(good.Digest, evil.Digest)})
	r := w.verify(t, w.image("app"))
	want(t, r, report.Verified, "")
	if r.Digest != good.Digest.String() {
		t.Errorf("verified %s, signed was %s", r.Digest, good.Digest)
	}
	w.pass(2 * time.Minute)
	r = w.verify(t, w.image("app"))
	want(t, r, report.Rejected, report.NoSignature)
	if r.Digest != evil.Digest.String() {
		t.Errorf("rejected %s, the tag names %s", r.Digest, evil.Digest)
	}
}

func TestNothingToJudgeBy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	r := w.engine.Verify(t.Context(), verify.Request{Image: "nginx", Untrusted: errors.New("nothing set up")})
	want(t, r, report.Rejected, report.NoTrustPolicy)
	if !strings.Contains(r.Errors[0].Message, "nothing set up") {
		t.Errorf("message %q", r.Errors[0].Message)
	}
	want(t, w.verify(t, "not a reference"), report.Inconclusive, report.InvalidReference)
	if n := len(w.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A panic of a verifier denies, and the process lives.
func TestPanicIsInconclusive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, func(o *verify.Options) {
		o.Verifiers = []verify.Verifier{panicking{o.Verifiers[0]}}
	})
	w.signed(t, "app", w.release, signtest.SignOptions{})
	want(t, w.verify(t, w.image("app")), report.Inconclusive, report.Internal)
}

type panicking struct{ verify.Verifier }

func (panicking) Verify(context.Context, verify.Evidence, *trust.Document) []report.Signature {
	panic("boom")
}
