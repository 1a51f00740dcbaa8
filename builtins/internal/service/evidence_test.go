// SPDX-License-Identifier: Apache-2.0

package service_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/capture"
	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// scene has an image for each verdict, and a responder that certificates name.
type scene struct {
	registry *registrytest.Registry
	trust    []byte
	images   []string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{registry: registrytest.Start(t, registrytest.Options{})}
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	stranger, err := signtest.NewCA(signtest.CAOptions{CommonName: "stranger"})
	fatal(t, err)
	s.trust = ca.TrustJSON()
	for repo, by := range map[string]*signtest.CA{"good": ca, "strangers": stranger, "unsigned": nil} {
		image, err := s.registry.PushImage(t.Context(), repo, "v1")
		fatal(t, err)
		s.images = append(s.images, s.registry.Host()+"/"+repo+":v1", s.registry.Reference(repo, image.Digest))
		if by == nil {
			continue
		}
		signer, err := by.Leaf(signtest.LeafOptions{})
		fatal(t, err)
		_, err = signer.SignAndAttach(t.Context(), s.registry, repo, image, signtest.SignOptions{})
		fatal(t, err)
	}
	s.images = append(s.images, s.registry.Host()+"/missing:v1")
	return s
}

func (s *scene) reports(t *testing.T, d service.Deps) []byte {
	t.Helper()
	ask := newService(t, func(c *config.Config) { c.Notation.Disabled = true }, d)
	doc, err := ask.ParseTrust(t.Context(), s.trust)
	fatal(t, err)
	var reports []*report.Report
	for _, image := range s.images {
		reports = append(reports, ask.Verify(t.Context(), verify.Request{Image: image, Trust: doc}))
	}
	raw, err := json.MarshalIndent(reports, "", " ")
	fatal(t, err)
	return raw
}

// What was captured gives the same reports without the registry, bit for bit.
func TestEvidenceGivesTheSameReports(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	dir := filepath.Join(t.TempDir(), "evidence")
	recorder, err := capture.NewRecorder(dir, time.Now())
	fatal(t, err)
	recorded := s.reports(t, service.Deps{Recorder: recorder})
	fatal(t, recorder.Close())
	if diff := cmp.Diff(string(s.reports(t, service.Deps{})), string(recorded)); diff != "" {
		t.Errorf("recording changes reports (-plain +recorded):\n%s", diff)
	}
	s.registry.Inject(registrytest.Fault{Action: registrytest.Custom(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the registry was asked") })
	})})
	evidence, err := capture.Open(dir)
	fatal(t, err)
	if diff := cmp.Diff(string(recorded), string(s.reports(t, service.Deps{Evidence: evidence}))); diff != "" {
		t.Errorf("(-recorded +replayed):\n%s", diff)
	}
}

// Evidence is judged as of its time: what was signed in time stays signed, and
// what had expired then stays expired.
func TestEvidenceIsJudgedAsOfItsTime(t *testing.T) {
	t.Parallel()
	then := time.Now().Add(-30 * 24 * time.Hour)
	for _, tt := range []struct {
		name   string
		window [2]time.Duration // of the certificate, from then
		expiry time.Duration    // of the signature, from its making
		want   report.Verdict
		code   report.Code
	}{
		{"valid then and now", [2]time.Duration{-time.Hour, 1000 * time.Hour}, 0, report.Verified, ""},
		{"certificate valid then", [2]time.Duration{-time.Hour, time.Hour}, 0, report.Verified, ""},
		{"signature valid then", [2]time.Duration{-time.Hour, 1000 * time.Hour}, 2 * time.Hour, report.Verified, ""},
		{"certificate expired then", [2]time.Duration{-3 * time.Hour, -time.Hour}, 0, report.Rejected, report.Expired},
		{"signature expired then", [2]time.Duration{-3 * time.Hour, 1000 * time.Hour}, time.Minute, report.Rejected, report.Expired},
		{"not yet valid then", [2]time.Duration{time.Hour, 1000 * time.Hour}, 0, report.Rejected, report.NotYetValid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			registry := registrytest.Start(t, registrytest.Options{})
			ca, err := signtest.NewCA(signtest.CAOptions{NotBefore: then.Add(-100 * time.Hour)})
			fatal(t, err)
			signer, err := ca.Leaf(signtest.LeafOptions{NotBefore: then.Add(tt.window[0]), NotAfter: then.Add(tt.window[1])})
			fatal(t, err)
			image, err := registry.PushImage(t.Context(), "app", "v1")
			fatal(t, err)
			made := then.Add(tt.window[0] + time.Minute)
			_, err = signer.SignAndAttach(t.Context(), registry, "app", image, signtest.SignOptions{SigningTime: made, Expiry: tt.expiry})
			fatal(t, err)
			dir := filepath.Join(t.TempDir(), "evidence")
			recorder, err := capture.NewRecorder(dir, then)
			fatal(t, err)
			ask := func(d service.Deps) *report.Report {
				s := newService(t, func(*config.Config) {}, d)
				doc, err := trust.Parse(ca.TrustJSON(), trust.Options{})
				fatal(t, err)
				return s.Verify(t.Context(), verify.Request{Image: registry.Host() + "/app:v1", Trust: doc})
			}
			recorded := ask(service.Deps{Recorder: recorder})
			fatal(t, recorder.Close())
			evidence, err := capture.Open(dir)
			fatal(t, err)
			for what, r := range map[string]*report.Report{"recorded": recorded, "replayed": ask(service.Deps{Evidence: evidence})} {
				if r.Verdict != tt.want || tt.code != "" && (len(r.Errors) == 0 || r.Errors[0].Code != tt.code) {
					t.Errorf("%s: verdict %s, errors %+v; want %s %s", what, r.Verdict, r.Errors, tt.want, tt.code)
				}
			}
		})
	}
}

// A restart fetches no content again: only what can change is asked.
func TestADirectoryKeepsContentsAcrossRestarts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	dir := filepath.Join(t.TempDir(), "cache")
	for restart, want := range []int{3, 1} {
		ask, err := service.New(withDirectory(dir), service.Deps{})
		fatal(t, err)
		doc, err := ask.ParseTrust(t.Context(), s.trust)
		fatal(t, err)
		for _, image := range s.images {
			if !strings.Contains(image, "/good@") {
				continue
			}
			s.registry.ResetRequests()
			r := ask.Verify(t.Context(), verify.Request{Image: image, Trust: doc})
			if n := len(s.registry.Requests()); r.Verdict != report.Verified || n != want {
				t.Errorf("start %d: verdict %s after %d requests, want %d", restart, r.Verdict, n, want)
			}
		}
		fatal(t, ask.Close())
	}
	if _, err := service.New(withDirectory("/proc/no/such"), service.Deps{}); err == nil || !strings.Contains(err.Error(), "cache.directory") {
		t.Errorf("error %v", err)
	}
}

func withDirectory(dir string) *config.Config {
	c := config.Default()
	c.Cache.Directory = dir
	return c
}
