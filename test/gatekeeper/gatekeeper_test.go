// SPDX-License-Identifier: Apache-2.0

// Package gatekeeper_test asks the real binary as Gatekeeper does: by the
// constraint framework's own client, over mutual TLS 1.3, and with constraint
// templates that deny on the conditions Ratify's templates know.
package gatekeeper_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/unversioned"
	"github.com/open-policy-agent/frameworks/constraint/pkg/externaldata"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// binary is the freshly built opa-ratify.
var binary string

func TestMain(m *testing.M) {
	os.Exit(servetest.Main(m, func(built string) error {
		binary = built
		return nil
	}))
}

// The policies a provider may be given.
const (
	goodPolicy = `package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.release})

reasons contains e.message if some e in report.errors`

	haltingPolicy = `package trust

default allow := false

allow if ratify.verify({"image": input.image, "trsut": {}}).verified`

	undefinedPolicy = `package trust

allow if ratify.verify({"image": input.image, "trust": data.trust.nowhere}).verified`

	negatedPolicy = `package trust

default allow := true

allow := false if not ratify.verify({"image": input.image, "trust": data.trust.release}).verified`
)

// scene is a registry with a signed and an unsigned image.
type scene struct {
	registry         *registrytest.Registry
	signer           *signtest.Signer
	signed, unsigned string
	trust            []byte
}

func newScene(t *testing.T) *scene {
	t.Helper()
	servetest.WatchSources(t)
	s := &scene{registry: registrytest.Start(t, registrytest.Options{})}
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	s.signer, err = ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	image, err := s.registry.PushImage(t.Context(), "signed", "v1")
	fatal(t, err)
	_, err = s.signer.SignAndAttach(t.Context(), s.registry, "signed", image, signtest.SignOptions{})
	fatal(t, err)
	_, err = s.registry.PushImage(t.Context(), "unsigned", "v1")
	fatal(t, err)
	s.signed, s.unsigned = s.registry.Host()+"/signed:v1", s.registry.Host()+"/unsigned:v1"
	s.trust, err = json.Marshal(map[string]any{"trust": map[string]any{"release": ca.TrustDocument()}})
	fatal(t, err)
	return s
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// How long the provider may take: longer than a busy machine needs, or so short
// that a test need not wait for what never comes.
const (
	patient   = 30 * time.Second
	impatient = 2 * time.Second
)

// serve runs the binary with a policy ("" for none) and returns the Provider and
// the client that Gatekeeper would use.
func (s *scene) serve(t *testing.T, policy, path string, patience time.Duration) (*unversioned.Provider, sender) {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		name = filepath.Join(dir, name)
		fatal(t, os.WriteFile(name, content, 0o600))
		return name
	}
	args := []string{"--config-file", write("config.yaml", fmt.Appendf(nil, "plugins: {ratify: {gatekeeper: {timeout: %v}}}", patience))}
	if policy != "" {
		args = append(args, write("policy.rego", []byte(policy)), write("data.json", s.trust))
	}
	server, err := servetest.Start(t.Context(), servetest.Options{Binary: binary, Dir: dir, Args: args})
	fatal(t, err)
	t.Cleanup(server.Stop)
	ca, err := os.ReadFile(server.Certificates.CA)
	fatal(t, err)
	pair, err := server.Certificates.KeyPair()
	fatal(t, err)
	return &unversioned.Provider{
		ObjectMeta: metav1.ObjectMeta{Name: "ratify-provider"},
		Spec:       unversioned.ProviderSpec{URL: server.URL + path, Timeout: 2 * int(patient/time.Second), CABundle: base64.StdEncoding.EncodeToString(ca)},
	}, sending(&pair)
}

// sending is the framework's client with connections of its own: its cache is
// keyed by the provider's name, which all tests share.
func sending(pair *tls.Certificate) sender {
	return func(ctx context.Context, p *unversioned.Provider, keys []string) (*externaldata.ProviderResponse, int, error) {
		unique := p.DeepCopy()
		unique.Name += rand.Text() // Gatekeeper keeps one client per name, with the certificate it was first asked with
		defer externaldata.DefaultClientCache().Invalidate(unique.Name)
		return externaldata.DefaultSendRequestToProvider(ctx, unique, keys, pair)
	}
}

func TestTemplatesDenyWhatIsNotVerified(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, policy string
		image        func(*scene) string
		fault        *registrytest.Fault
		want         string // in the violation; "" for none
	}{
		{"good", goodPolicy, signed, nil, ""},
		{"good, by negation", negatedPolicy, signed, nil, ""},
		{"unsigned", goodPolicy, unsigned, nil, "Subject failed verification"},
		{"unsigned, by negation", negatedPolicy, unsigned, nil, "Subject failed verification"},
		{"not an image", goodPolicy, func(*scene) string { return "https://registry.example/app" }, nil, "registry.example"},
		{"policy halts", haltingPolicy, signed, nil, "trsut"},
		{"policy is undefined", undefinedPolicy, signed, nil, "signed"},
		{"no policy", "", signed, nil, "no trust policy is loaded"},
		{"registry hangs", goodPolicy, signed, &registrytest.Fault{Action: registrytest.Hang()}, "timeout"},
		{"registry fails", goodPolicy, signed, &registrytest.Fault{Action: registrytest.Status(503, nil)}, "503"},
		{"registry refuses", goodPolicy, signed, &registrytest.Fault{Action: registrytest.Status(401, nil)}, "Subject failed verification"},
	} {
		for _, generation := range []struct{ path, field string }{
			{"/ratify/gatekeeper/v1/verify", "isSuccess"},
			{"/ratify/gatekeeper/v2/verify", "succeeded"},
		} {
			t.Run(tt.name+"/"+generation.field, func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				if tt.fault != nil {
					s.registry.Inject(*tt.fault)
				}
				patience := patient
				if tt.want == "timeout" {
					patience = impatient
				}
				provider, send := s.serve(t, tt.policy, generation.path, patience)
				got := violations(t, provider, send, generation.field, tt.image(s))
				if (len(got) > 0) != (tt.want != "") || !strings.Contains(fmt.Sprint(got...), tt.want) {
					t.Errorf("violations %q, want %q", got, tt.want)
				}
			})
		}
	}
}

func signed(s *scene) string   { return s.signed }
func unsigned(s *scene) string { return s.unsigned }

// One hung image does not take the others with it: they are answered beside the
// system error, and Gatekeeper keeps their answers.
func TestHungImageLeavesTheOthersAnswered(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.registry.Inject(registrytest.Fault{Repo: "unsigned", Action: registrytest.Hang()})
	provider, send := s.serve(t, goodPolicy, "/ratify/gatekeeper/v1/verify", impatient)
	response, _, err := send(t.Context(), provider, []string{s.signed, s.unsigned})
	fatal(t, err)
	items := response.Response.Items
	if len(items) != 1 || items[0].Key != s.signed {
		t.Errorf("items %+v", items)
	}
	if !strings.Contains(response.Response.SystemError, s.unsigned) || !strings.Contains(response.Response.SystemError, "timeout") {
		t.Errorf("system error %q", response.Response.SystemError)
	}
}

func TestClientWithoutCertificateGetsNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	provider, _ := s.serve(t, goodPolicy, "/ratify/gatekeeper/v1/verify", patient)
	_, _, err := sending(nil)(t.Context(), provider, []string{s.signed})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}
