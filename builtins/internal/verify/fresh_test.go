// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// await waits until the registry has been asked n times, which may happen behind
// an answer, and no more than that.
func (w *world) await(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(w.Requests()) < n && ctx.Err() == nil {
		<-tick.C
	}
	if got := w.Requests(); len(got) != n {
		t.Errorf("%d requests, want %d: %+v", len(got), n, got)
	}
}

func (w *world) ask(t *testing.T, change func(*verify.Request)) *report.Report {
	t.Helper()
	req := verify.Request{Image: w.Reference("app", w.subject.Digest), Trust: w.doc, Timeout: 5 * time.Second}
	change(&req)
	return w.engine.Verify(t.Context(), req)
}

// held answers when released.
func held(release <-chan struct{}) registrytest.Action {
	return registrytest.Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			<-release
			next.ServeHTTP(w, req)
		})
	})
}

func plainly(*verify.Request) {}

func freshly(r *verify.Request) { r.Fresh = true }

func leniently(r *verify.Request) { r.MaxStale = time.Hour }

// A hung registry keeps nobody waiting who asks about an image that was signed a
// moment ago; one that has answered in the meantime is believed.
func TestAfterTheTTLADigestDoesNotWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	w.subject = w.signed(t, "app", w.release, signtest.SignOptions{})
	want(t, w.ask(t, plainly), report.Verified, "")
	w.pass(2 * time.Minute)
	release := make(chan struct{})
	w.Inject(registrytest.Fault{Kind: registrytest.KindReferrers, Action: held(release)})
	w.ResetRequests()
	r := w.ask(t, plainly)
	want(t, r, report.Verified, "")
	if len(r.Stale) != 1 || r.Stale[0].Stage != report.StageReferrers || r.Stale[0].Code != "" || r.Stale[0].AsOf != report.Stamp(w.now().Add(-2*time.Minute)) {
		t.Errorf("stale %+v", r.Stale)
	}
	close(release)
	w.await(t, 1)
}

// Who was not signed a moment ago may be now: a refusal is never given from what
// is out of date.
func TestAfterTheTTLARefusalWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	w.subject = must(w.PushImage(t.Context(), "app", "v1"))(t)
	want(t, w.ask(t, plainly), report.Rejected, report.NoSignature)
	must(w.release.SignAndAttach(t.Context(), w.Registry, "app", w.subject, signtest.SignOptions{}))(t)
	want(t, w.ask(t, plainly), report.Rejected, report.NoSignature)
	w.pass(2 * time.Minute)
	r := w.ask(t, plainly)
	want(t, r, report.Verified, "")
	if len(r.Stale) != 0 {
		t.Errorf("stale %+v", r.Stale)
	}
}

func TestFreshSeesWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	w.subject = must(w.PushImage(t.Context(), "app", "v1"))(t)
	want(t, w.ask(t, plainly), report.Rejected, report.NoSignature)
	must(w.release.SignAndAttach(t.Context(), w.Registry, "app", w.subject, signtest.SignOptions{}))(t)
	want(t, w.ask(t, freshly), report.Verified, "")
	want(t, w.ask(t, plainly), report.Verified, "")

	other := must(w.PushImage(t.Context(), "app", "v2"))(t)
	byTag := func(fresh bool) *report.Report {
		return w.ask(t, func(r *verify.Request) { r.Image, r.Fresh = w.image("app"), fresh })
	}
	want(t, byTag(false), report.Verified, "")
	if err := w.Tag(t.Context(), "app", "v1", other.Digest); err != nil {
		t.Fatal(err)
	}
	want(t, byTag(false), report.Verified, "")
	want(t, byTag(true), report.Rejected, report.NoSignature)
}

func TestFreshIsInconclusiveInAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	w.subject = w.signed(t, "app", w.release, signtest.SignOptions{})
	want(t, w.ask(t, plainly), report.Verified, "")
	w.Inject(registrytest.Fault{Action: registrytest.Status(503, nil)})
	want(t, w.ask(t, freshly), report.Inconclusive, report.Unavailable)
	want(t, w.ask(t, plainly), report.Verified, "")
}

func TestMaxStaleInAnOutage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		action registrytest.Action
		code   report.Code
	}{
		{"down", registrytest.Status(503, nil), report.Unavailable},
		{"throttled", registrytest.Status(429, nil), report.RateLimited},
		{"hung", registrytest.Hang(), report.Timeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{}, nil)
			w.subject = w.signed(t, "app", w.release, signtest.SignOptions{})
			byTag := func(r *verify.Request) { r.Image = w.image("app") }
			want(t, w.ask(t, byTag), report.Verified, "")
			asOf := report.Stamp(w.now())
			w.pass(2 * time.Minute)
			w.Inject(registrytest.Fault{Action: tt.action})
			r := w.ask(t, func(r *verify.Request) { byTag(r); leniently(r) })
			want(t, r, report.Verified, "")
			if len(r.Stale) == 0 || r.Stale[0].Stage != report.StageResolve || r.Stale[0].Code != tt.code || r.Stale[0].AsOf != asOf || !strings.Contains(r.Stale[0].Message, "max_stale") {
				t.Errorf("stale %+v", r.Stale)
			}
			w.pass(2 * time.Hour)
			r = w.ask(t, func(r *verify.Request) { byTag(r); leniently(r); r.Timeout = time.Second / 4 })
			if r.Verdict != report.Inconclusive {
				t.Errorf("too old: %+v", r)
			}
		})
	}
}

// What was refused before the outage stays refused: max_stale admits nothing that
// was not verified.
func TestMaxStaleAdmitsNothingNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	w.subject = w.signed(t, "app", w.stranger, signtest.SignOptions{})
	want(t, w.ask(t, leniently), report.Rejected, report.UntrustedCertificate)
	w.pass(2 * time.Minute)
	w.Inject(registrytest.Fault{Action: registrytest.Status(503, nil)})
	if r := w.ask(t, leniently); r.Verified {
		t.Errorf("verified: %+v", r)
	}
}
