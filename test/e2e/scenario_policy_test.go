// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// shop serves a trust bundle over HTTP, signed, as users distribute theirs.
type shop struct {
	*stage

	files string // what is served
	key   string // signs bundles
}

// openShop makes a stage whose opa-ratify fetches its bundle every second.
func openShop(t *testing.T, w *world, name string, data object) *shop {
	t.Helper()
	dir := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	s := &shop{files: dir, key: "an HMAC key of one run: " + server.URL}
	s.stage = w.prepare(t, script{name: name, data: data, args: []string{}, config: object{
		"services": object{"shop": object{"url": server.URL}},
		"keys":     object{"shop": object{"key": s.key, "algorithm": "HS256"}},
		"bundles": object{"trust": object{
			"service": "shop", "resource": "trust.tar.gz", "polling": object{"min_delay_seconds": 1, "max_delay_seconds": 1},
			"signing": object{"keyid": "shop"},
		}},
	}})
	s.publish(t, data)
	s.serve(t)
	s.connect(t)
	return s
}

// publish builds, signs and offers a bundle with new data.
func (s *shop) publish(t *testing.T, data object) {
	t.Helper()
	writeData(t, s.bundle, data)
	s.build(t, s.bundle)
}

func (s *shop) build(t *testing.T, bundle string) {
	t.Helper()
	built := filepath.Join(s.dir, "trust.tar.gz")
	output, err := s.run(t.Context(), nil, s.product, "build", "-b", bundle, "--ignore", "*_test.rego",
		"--signing-alg", "HS256", "--signing-key", s.key, "-o", built)
	if err != nil {
		t.Fatalf("opa-ratify build: %v\n%s", err, output)
	}
	fatal(t, os.Rename(built, filepath.Join(s.files, "trust.tar.gz")))
}

// A signer is added, everything is taken away, and given back, while it runs.
func policyChangesTest(t *testing.T, w *world) {
	ca, signer := authority(t, "changes")
	other, alternate := authority(t, "alternate")
	signed := w.publish(t, "changes/signed", notation(signer, signtest.SignOptions{}))
	signedAlternate := w.publish(t, "changes/signed-alternate", notation(alternate, signtest.SignOptions{}))
	s := openShop(t, w, "changes", trusting(ca.TrustDocument()))
	s.admits(t, signed.tag, signed.tag)
	s.refuses(t, signedAlternate.tag, "untrusted_certificate")

	both := ca.TrustDocument()
	both["notation"].(object)["trust_stores"] = object{"ca:acme": []string{string(ca.PEM()), string(other.PEM())}}
	s.publish(t, trusting(both))
	s.untilAdmitted(t, signedAlternate.tag, signedAlternate.tag)
	s.admits(t, signed.tag, signed.tag)

	s.publish(t, nil)
	s.untilRefused(t, signed.tag, "no_trust_policy")
	s.refuses(t, signed.tag, "no_trust_policy")

	s.publish(t, trusting(ca.TrustDocument()))
	s.untilAdmitted(t, signed.tag, signed.tag)
	s.refuses(t, signedAlternate.tag, "untrusted_certificate")
}

// refusedBundles is how often opa-ratify logged that it could not take a bundle.
func (s *shop) refusedBundles(t *testing.T) int {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(s.dir, "opa-ratify.log"))
	fatal(t, err)
	return strings.Count(string(log), `{"level":"error","msg":"Bundle `)
}

// A bundle that was tampered with, or is none, is not taken: the last good one counts.
func bundleBrokenTest(t *testing.T, w *world) {
	ca, signer := authority(t, "broken")
	signed := w.publish(t, "broken/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "broken/unsigned")
	s := openShop(t, w, "broken", trusting(ca.TrustDocument()))

	offered := filepath.Join(s.files, "trust.tar.gz")
	for name, spoil := range map[string]func(){
		"no bundle":          func() { fatal(t, os.WriteFile(offered, []byte("not a bundle"), 0o600)) },
		"signed by somebody": func() { other := *s; other.key = "another key"; other.publish(t, nil) },
		"of another type":    func() { s.build(t, writePolicy(t, s.dir, "type", "package trust\n\nallow := \"yes\"\n")) },
		"gone":               func() { fatal(t, os.Remove(offered)) },
	} {
		before := s.refusedBundles(t)
		spoil()
		eventually(t, time.Minute, "opa-ratify to refuse the bundle: "+name, func() error {
			if s.refusedBundles(t) == before {
				return errors.New("it logged nothing of the kind")
			}
			return nil
		})
		s.admits(t, signed.tag, signed.tag)
		s.refuses(t, unsigned.tag, "no_signature")
	}
}

// A policy that says nothing, contradicts itself, or is not there admits nothing, and
// the user is told why.
func policyBrokenTest(t *testing.T, w *world) {
	ca, signer := authority(t, "erring")
	signed := w.publish(t, "erring/signed", notation(signer, signtest.SignOptions{}))
	s := openShop(t, w, "erring", trusting(ca.TrustDocument()))
	s.admits(t, signed.tag, signed.tag)

	for _, tt := range []struct{ name, policy, reason string }{
		{"undefined", "package trust\n\nreasons := [\"nothing is known\"]\n", "no trust policy is loaded"},
		{"missing", "package elsewhere\n\nallow := true\n", "no trust policy is loaded"},
		{"conflict", "package trust\n\nallow := count(input.image) > 0\n\nallow := count(input.image) < 0\n", "eval_conflict_error"},
		{"not a boolean", "package trust\n\nallow := input.image\n", "only the boolean true admits"},
		{"invalid trust document", "package trust\n\nallow := ratify.verify({\"image\": input.image, \"trust\": {\"notation\": 7}}).verified\n", "invalid trust document"},
	} {
		s.build(t, writePolicy(t, s.dir, tt.name, tt.policy))
		s.untilRefused(t, signed.tag, tt.reason)
		output, err := s.runPod(t, signed.tag)
		denied(t, output, err, tt.reason)
		t.Logf("%s: %s", tt.name, output)
		s.publish(t, trusting(ca.TrustDocument()))
		s.untilAdmitted(t, signed.tag, signed.tag)
	}
}

// writePolicy makes a bundle of one module.
func writePolicy(t *testing.T, dir, name, policy string) string {
	t.Helper()
	bundle := filepath.Join(dir, name)
	fatal(t, os.MkdirAll(bundle, 0o700))
	fatal(t, os.WriteFile(filepath.Join(bundle, "trust.rego"), []byte(policy), 0o600))
	return bundle
}
