// SPDX-License-Identifier: Apache-2.0

package notation_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// withResponder lets certificates name a responder, by the given means.
func withResponder(s *scene, mode signtest.RevocationMode, means ...string) *signtest.Revocation {
	responder := signtest.StartRevocation(s.t, s.ca)
	for _, m := range means {
		switch m {
		case "ocsp":
			s.ca.OCSP = responder.OCSP
		case "crl":
			s.ca.CRL = responder.CRL
		}
	}
	s.signer = newLeaf(s.t, s.ca, s.leaf)
	responder.SetMode(mode)
	return responder
}

func TestVerify_revocation(t *testing.T) {
	t.Parallel()
	revoke := func(s *scene, r *signtest.Revocation) { r.Revoke(s.signer.Cert().SerialNumber, time.Now().Add(-hour)) }
	nothing := func(*scene, *signtest.Revocation) {}
	impatient := func(s *scene, _ *signtest.Revocation) {
		s.verifier = notation.New(notation.Options{RevocationClient: http.DefaultClient, RevocationTimeout: 20 * time.Millisecond})
	}
	level := func(name string) func(*scene, *signtest.Revocation) {
		return func(s *scene, _ *signtest.Revocation) { s.policy.verification["level"] = name }
	}
	skipRevocation := func(s *scene, r *signtest.Revocation) {
		revoke(s, r)
		s.policy.verification["override"] = map[string]string{"revocation": "skip"}
	}
	const unknown, down = "revocation_unknown", "revocation_unknown?"
	tests := []struct {
		name   string
		mode   signtest.RevocationMode
		means  []string
		change func(*scene, *signtest.Revocation)
		want   verdict
		says   string
	}{
		{name: "good by OCSP", means: []string{"ocsp"}, change: nothing, want: verdict{true, "", allPassed}},
		{name: "good by CRL", means: []string{"crl"}, change: nothing, want: verdict{true, "", allPassed}},
		{name: "revoked by OCSP", means: []string{"ocsp"}, change: revoke, want: verdict{false, "revoked", "pppppf"}, says: `"CN=release`},
		{name: "revoked by CRL", means: []string{"crl"}, change: revoke, want: verdict{false, "revoked", "pppppf"}, says: "CRL"},
		{name: "unknown to OCSP", mode: signtest.RevocationUnknown, means: []string{"ocsp"}, change: nothing, want: verdict{false, unknown, "pppppf"}, says: "does not know"},
		{name: "unknown to OCSP, no CRL there", mode: signtest.RevocationUnknown, means: []string{"ocsp", "crl"}, change: nothing, want: verdict{false, down, "pppppf"}, says: "404"},
		{name: "OCSP down", mode: signtest.RevocationDown, means: []string{"ocsp"}, change: nothing, want: verdict{false, down, "pppppf"}, says: "503"},
		{name: "CRL down", mode: signtest.RevocationDown, means: []string{"crl"}, change: nothing, want: verdict{false, down, "pppppf"}, says: "503"},
		{name: "OCSP slow", mode: signtest.RevocationSlow, means: []string{"ocsp"}, change: impatient, want: verdict{false, down, "pppppf"}},
		{name: "CRL slow", mode: signtest.RevocationSlow, means: []string{"crl"}, change: impatient, want: verdict{false, down, "pppppf"}},
		{name: "OCSP oversized", mode: signtest.RevocationOversized, means: []string{"ocsp"}, change: nothing, want: verdict{false, down, "pppppf"}},
		{name: "CRL oversized", mode: signtest.RevocationOversized, means: []string{"crl"}, change: nothing, want: verdict{false, unknown, "pppppf"}, says: "too large"},
		{name: "OCSP stale", mode: signtest.RevocationStale, means: []string{"ocsp"}, change: nothing, want: verdict{false, down, "pppppf"}, says: "expired OCSP"},
		{name: "CRL stale", mode: signtest.RevocationStale, means: []string{"crl"}, change: nothing, want: verdict{false, down, "pppppf"}, says: "expired CRL"},
		{name: "OCSP forged", mode: signtest.RevocationForged, means: []string{"ocsp"}, change: revoke, want: verdict{false, down, "pppppf"}},
		{name: "CRL forged", mode: signtest.RevocationForged, means: []string{"crl"}, change: revoke, want: verdict{false, down, "pppppf"}, says: "not signed by"},
		{name: "nobody may be asked", means: []string{"ocsp"}, change: func(s *scene, _ *signtest.Revocation) { s.verifier = notation.New(notation.Options{}) }, want: verdict{false, down, "pppppf"}, says: "no HTTP client"},
		{name: "down, permissive", mode: signtest.RevocationDown, means: []string{"ocsp"}, change: level("permissive"), want: verdict{true, "", "pppppl"}},
		{name: "revoked, permissive", means: []string{"ocsp"}, change: func(s *scene, r *signtest.Revocation) { revoke(s, r); level("permissive")(s, r) }, want: verdict{true, "", "pppppl"}},
		{name: "revoked, skipped", means: []string{"ocsp"}, change: skipRevocation, want: verdict{true, "", "ppppps"}},
		{name: "down, and for another image", mode: signtest.RevocationDown, means: []string{"ocsp"}, change: func(s *scene, _ *signtest.Revocation) { otherImage(s) }, want: verdict{false, "subject_mismatch revocation_unknown", "pppppf"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, signtest.JWS)
			tt.change(s, withResponder(s, tt.mode, tt.means...))
			got := s.verify()
			if diff := cmp.Diff(tt.want, verdictOf(got)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s\n%s", diff, messages(got))
			}
			if !strings.Contains(messages(got), tt.says) {
				t.Errorf("messages = %q, want %q in them", messages(got), tt.says)
			}
		})
	}
}

// TestVerify_revocationUnseen: a responder that does not answer leaves evidence
// unseen; one that answers "unknown" does not.
func TestVerify_revocationUnseen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		mode signtest.RevocationMode
		mean string
		want report.Verdict
	}{
		{name: "down", mode: signtest.RevocationDown, mean: "ocsp", want: report.Inconclusive},
		{name: "too large", mode: signtest.RevocationOversized, mean: "crl", want: report.Inconclusive},
		{name: "answers unknown", mode: signtest.RevocationUnknown, mean: "ocsp", want: report.Rejected},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, signtest.JWS)
			withResponder(s, tt.mode, tt.mean)
			r := report.Report{Signatures: []report.Signature{s.verify()}}
			if got := r.Conclude().Verdict; got != tt.want {
				t.Errorf("verdict = %s, want %s", got, tt.want)
			}
		})
	}
}

// moving is a clock that tests move.
type moving struct{ offset atomic.Int64 }

func (m *moving) now() time.Time          { return time.Now().Add(time.Duration(m.offset.Load())) }
func (m *moving) forward(d time.Duration) { m.offset.Add(int64(d)) }

func TestVerify_revocationIsRemembered(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		mode    signtest.RevocationMode // honest answers are good for an hour
		mean    string
		maxAge  time.Duration
		forward time.Duration
		want    int // requests after two verifications
	}{
		{name: "OCSP answer within its time", mean: "ocsp", maxAge: day, forward: hour - time.Minute, want: 1},
		{name: "OCSP answer after its next update", mean: "ocsp", maxAge: day, forward: hour + time.Minute, want: 2},
		{name: "OCSP answer older than the cap", mean: "ocsp", maxAge: time.Minute, forward: 2 * time.Minute, want: 2},
		{name: "CRL within its time", mean: "crl", maxAge: day, forward: hour - time.Minute, want: 1},
		{name: "CRL after its next update", mean: "crl", maxAge: day, forward: hour + time.Minute, want: 2},
		{name: "CRL older than the cap", mean: "crl", maxAge: time.Minute, forward: 2 * time.Minute, want: 2},
		{name: "no answer, for a moment", mode: signtest.RevocationDown, mean: "ocsp", maxAge: day, forward: time.Second, want: 1},
		{name: "no answer, a little later", mode: signtest.RevocationDown, mean: "ocsp", maxAge: day, forward: 4 * time.Second, want: 2},
		{name: "forged OCSP answer, a little later", mode: signtest.RevocationForged, mean: "ocsp", maxAge: day, forward: 4 * time.Second, want: 2},
		{name: "forged CRL, a little later", mode: signtest.RevocationForged, mean: "crl", maxAge: day, forward: 4 * time.Second, want: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, signtest.JWS)
			var c moving
			s.verifier = notation.New(notation.Options{RevocationClient: http.DefaultClient, RevocationMaxAge: tt.maxAge, Now: c.now})
			responder := withResponder(s, tt.mode, tt.mean)
			s.verify()
			c.forward(tt.forward)
			s.verify()
			ocsp, crl := responder.Requests()
			if got := ocsp + crl; got != tt.want {
				t.Errorf("requests = %d, want %d", got, tt.want)
			}
		})
	}
}

// TestVerify_revocationIsNoticed: what was good is revoked once the answer is old.
func TestVerify_revocationIsNoticed(t *testing.T) {
	t.Parallel()
	for _, mean := range []string{"ocsp", "crl"} {
		t.Run(mean, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, signtest.JWS)
			var c moving
			s.verifier = notation.New(notation.Options{RevocationClient: http.DefaultClient, Now: c.now})
			responder := withResponder(s, signtest.RevocationHonest, mean)
			before := s.verify()
			responder.Revoke(s.signer.Cert().SerialNumber, time.Now().Add(-hour))
			c.forward(time.Until(before.ValidUntil))
			got := []verdict{verdictOf(before), verdictOf(s.verify())}
			want := []verdict{{true, "", allPassed}, {false, "revoked", "pppppf"}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("verdicts (-want +got):\n%s", diff)
			}
		})
	}
}

// TestVerify_revocationIsAskedOnce: concurrent questions share one request, and a
// caller who gives up takes nobody along.
func TestVerify_revocationIsAskedOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, signtest.JWS)
	arrived, release := make(chan struct{}), make(chan struct{})
	s.verifier = notation.New(notation.Options{RevocationClient: &http.Client{Transport: gate{arrived: arrived, release: release}}})
	responder := withResponder(s, signtest.RevocationHonest, "ocsp")
	evidence, doc := s.of(s.signed()), s.document()

	impatient, giveUp := context.WithCancel(t.Context())
	first := make(chan report.Signature)
	go func() { first <- s.verifier.Verify(impatient, evidence, doc)[0] }()
	<-arrived
	giveUp()
	if diff := cmp.Diff(verdict{false, "revocation_unknown?", "pppppf"}, verdictOf(<-first)); diff != "" {
		t.Errorf("caller who gave up (-want +got):\n%s", diff)
	}

	const callers = 8
	others := make(chan report.Signature)
	for range callers {
		go func() { others <- s.verifier.Verify(t.Context(), evidence, doc)[0] }()
	}
	close(release)
	for range callers {
		if diff := cmp.Diff(verdict{true, "", allPassed}, verdictOf(<-others)); diff != "" {
			t.Errorf("caller who waited (-want +got):\n%s", diff)
		}
	}
	if ocsp, _ := responder.Requests(); ocsp != 1 {
		t.Errorf("requests = %d, want 1", ocsp)
	}
}

// gate holds requests back until released.
type gate struct {
	arrived chan<- struct{}
	release <-chan struct{}
}

func (g gate) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case g.arrived <- struct{}{}:
	case <-g.release:
	}
	select {
	case <-g.release:
		return http.DefaultTransport.RoundTrip(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}
