// SPDX-License-Identifier: Apache-2.0

package service_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/telemetry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newService(t *testing.T, change func(*config.Config), d service.Deps) *service.Service {
	t.Helper()
	c := config.Default()
	change(c)
	s, err := service.New(c, d)
	fatal(t, err)
	t.Cleanup(func() { fatal(t, s.Close()) })
	return s
}

// notationDirectory is what `notation policy import` and `notation cert add`
// leave behind.
func notationDirectory(t *testing.T, ca *signtest.CA) string {
	t.Helper()
	dir := t.TempDir()
	store := filepath.Join(dir, "truststore", "x509", "ca", "acme")
	fatal(t, os.MkdirAll(store, 0o700))
	fatal(t, os.WriteFile(filepath.Join(store, "acme.crt"), ca.PEM(), 0o600))
	var doc struct {
		Notation struct {
			Policy json.RawMessage `json:"trust_policy"`
		} `json:"notation"`
	}
	fatal(t, json.Unmarshal(ca.TrustJSON(), &doc))
	fatal(t, os.WriteFile(filepath.Join(dir, "trustpolicy.json"), doc.Notation.Policy, 0o600))
	return dir
}

func TestLocalTrustIsNotations(t *testing.T) {
	t.Parallel()
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	signer, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	registry := registrytest.Start(t, registrytest.Options{})
	image, err := registry.PushImage(t.Context(), "app", "v1")
	fatal(t, err)
	_, err = signer.SignAndAttach(t.Context(), registry, "app", image, signtest.SignOptions{})
	fatal(t, err)

	s := newService(t, func(c *config.Config) { c.Notation.ConfigDir = notationDirectory(t, ca) }, service.Deps{})
	doc, err := s.LocalTrust()
	fatal(t, err)
	r := s.Verify(t.Context(), verify.Request{Image: registry.Host() + "/app:v1", Trust: doc})
	if r.Verdict != report.Verified {
		t.Errorf("report %+v", r)
	}
}

func TestLocalTrustAppearsWithoutARestart(t *testing.T) {
	t.Parallel()
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	dir := filepath.Join(t.TempDir(), "notation")
	now := time.Now()
	s := newService(t, func(c *config.Config) { c.Notation.ConfigDir = dir }, service.Deps{Now: func() time.Time { return now }})
	if doc, err := s.LocalTrust(); doc != nil || !errors.Is(err, trust.ErrNoTrust) {
		t.Fatalf("got %v, %v", doc, err)
	}
	fatal(t, os.Rename(notationDirectory(t, ca), dir))
	now = now.Add(2 * time.Second)
	if doc, err := s.LocalTrust(); doc == nil || err != nil {
		t.Errorf("after it was set up: %v, %v", doc, err)
	}
}

func TestLocalTrustCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	s := newService(t, func(c *config.Config) {
		c.Notation.ConfigDir, c.Notation.Disabled = notationDirectory(t, ca), true
	}, service.Deps{})
	doc, err := s.LocalTrust()
	if doc != nil || !errors.Is(err, trust.ErrNoTrust) || !strings.Contains(err.Error(), "notation.disabled") {
		t.Errorf("got %v, %v", doc, err)
	}
}

func TestReportsAreCounted(t *testing.T) {
	t.Parallel()
	metrics := prometheus.NewRegistry()
	m, err := telemetry.New(telemetry.Options{Registerer: metrics})
	fatal(t, err)
	s := newService(t, func(*config.Config) {}, service.Deps{Metrics: m})
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	doc, err := s.ParseTrust(t.Context(), ca.TrustJSON())
	fatal(t, err)
	s.Verify(t.Context(), verify.Request{Image: "not an image", Trust: doc})
	fatal(t, testutil.GatherAndCompare(metrics, strings.NewReader(`
# HELP ratify_verdicts_total Reports by verdict and code of the first error.
# TYPE ratify_verdicts_total counter
ratify_verdicts_total{code="invalid_reference",verdict="inconclusive"} 1
`), "ratify_verdicts_total"))
}

func TestTimeoutIsAnAnswer(t *testing.T) {
	t.Parallel()
	registry := registrytest.Start(t, registrytest.Options{})
	_, err := registry.PushImage(t.Context(), "app", "v1")
	fatal(t, err)
	registry.Inject(registrytest.Fault{Action: registrytest.Hang()})
	s := newService(t, func(*config.Config) {}, service.Deps{})
	a := s.Resolve(t.Context(), service.Question{Image: registry.Host() + "/app:v1", Timeout: 50 * time.Millisecond})
	if len(a.Errors) != 1 || a.Errors[0].Code != report.Timeout || !a.Errors[0].Retryable {
		t.Errorf("errors %+v", a.Errors)
	}
}
