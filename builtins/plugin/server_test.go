// SPDX-License-Identifier: Apache-2.0

package plugin_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/unversioned"
	"github.com/open-policy-agent/frameworks/constraint/pkg/externaldata"
	logtest "github.com/open-policy-agent/opa/v1/logging/test"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/plugins/discovery"
	"github.com/open-policy-agent/opa/v1/plugins/logs"
	"github.com/open-policy-agent/opa/v1/runtime"
	"github.com/open-policy-agent/opa/v1/server"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opa-ratify/opa-ratify/builtins/plugin"
)

// opa is a running server of OPA with the plugin, over TLS 1.3 with client
// certificates.
type opa struct {
	url       string
	manager   *plugins.Manager
	log       *logtest.Logger
	decisions *recorder
	pki       pki
}

type options struct {
	ratify string // section plugins.ratify, YAML flow style; "": {}
	policy string // Rego; "": none
	files  []string
	authz  string // Rego of system.authz; "": no authorization
	extra  func(*plugins.Manager)
}

// start runs OPA until the test ends.
func start(t *testing.T, o options) *opa {
	t.Helper()
	s := &opa{log: logtest.New(), decisions: &recorder{extra: o.extra}, pki: newPKI(t)}
	s.decisions.logged.L = &s.decisions.mu
	dir := t.TempDir()
	if o.ratify == "" {
		o.ratify = "{}"
	}
	configuration := write(t, dir, "opa.yaml", "decision_logs: {plugin: recorder}\nplugins: {recorder: {}, ratify: "+o.ratify+"}\n")
	paths := o.files
	for name, module := range map[string]string{"policy.rego": o.policy, "authz.rego": o.authz} {
		if module != "" {
			paths = append(paths, write(t, dir, name, module))
		}
	}
	authorization := server.AuthorizationOff
	if o.authz != "" {
		authorization = server.AuthorizationBasic
	}
	caches := &plugin.Caches{}
	params := runtime.NewParams()
	params.ConfigFile, params.Paths, params.Logger = configuration, paths, s.log
	params.Addrs = &[]string{"https://127.0.0.1:0"}
	params.Certificate, params.CertPool = &s.pki.server, s.pki.pool
	params.CertificateFile, params.CertificateKeyFile = writeCertificate(t, dir, s.pki.server) // OPA serves TLS only with files
	params.CertPoolFile = write(t, dir, "ca.pem", string(s.pki.ca))
	params.Authentication, params.Authorization, params.MinTLSVersion = server.AuthenticationTLS, authorization, tls.VersionTLS13
	params.GracefulShutdownPeriod = 10
	params.Hooks.Append(&plugin.QueryCacheHook{Caches: caches})
	params.Hooks.Append(&plugin.ValueCacheHook{Caches: caches})
	params.ExtraDiscoveryOpts = append(params.ExtraDiscoveryOpts, discovery.Factories(map[string]plugins.Factory{
		plugin.Name: plugin.Factory{Caches: caches}, "recorder": s.decisions,
	}))
	s.serve(t, params)
	return s
}

func (s *opa) serve(t *testing.T, params runtime.Params) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	rt, err := runtime.NewRuntime(ctx, params)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- rt.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	again := time.NewTicker(time.Millisecond) // OPA announces that it serves before it listens
	defer again.Stop()
	for s.url == "" {
		select {
		case err := <-served:
			served <- nil
			t.Fatalf("serve: %v", err)
		case <-again.C:
			if addrs := rt.Addrs(); len(addrs) > 0 {
				s.manager, s.url = rt.Manager, "https://"+addrs[0]
			}
		}
	}
}

// ask sends keys as Gatekeeper does: by its own code.
func (s *opa) ask(t *testing.T, path string, keys ...string) *externaldata.ProviderResponse {
	t.Helper()
	response, _, err := s.askAs(t, &s.pki.client, path, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func (s *opa) askAs(t *testing.T, certificate *tls.Certificate, path string, keys ...string) (*externaldata.ProviderResponse, int, error) {
	t.Helper()
	provider := &unversioned.Provider{
		ObjectMeta: metav1.ObjectMeta{Name: t.Name() + path},
		Spec:       unversioned.ProviderSpec{URL: s.url + "/ratify/gatekeeper/" + path, Timeout: 20, CABundle: base64.StdEncoding.EncodeToString(s.pki.ca)},
	}
	t.Cleanup(func() { externaldata.DefaultClientCache().Invalidate(provider.GetName()) })
	return externaldata.DefaultSendRequestToProvider(t.Context(), provider, keys, certificate)
}

// do sends a request of any kind and returns status and body.
func (s *opa) do(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	client := s.httpClient(t, tls.VersionTLS13)
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

func (s *opa) httpClient(t *testing.T, version uint16) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: s.pki.pool, Certificates: []tls.Certificate{s.pki.client}, MinVersion: version, MaxVersion: version,
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// decode reads a ProviderResponse strictly: whatever happens, every answer must
// be one.
func decode(t *testing.T, body string) externaldata.ProviderResponse {
	t.Helper()
	var response externaldata.ProviderResponse
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&response); err != nil || response.Kind != "ProviderResponse" {
		t.Fatalf("not a ProviderResponse: %v\n%s", err, body)
	}
	return response
}

// recorder is a decision log.
type recorder struct {
	extra  func(*plugins.Manager)
	mu     sync.Mutex
	logged sync.Cond // signalled when events grows
	events []logs.EventV1
}

func (r *recorder) Validate(*plugins.Manager, []byte) (any, error) { return struct{}{}, nil }

func (r *recorder) New(m *plugins.Manager, _ any) plugins.Plugin {
	if r.extra != nil {
		r.extra(m)
	}
	m.UpdatePluginStatus("recorder", &plugins.Status{State: plugins.StateOK})
	return r
}
func (*recorder) Start(context.Context) error      { return nil }
func (*recorder) Stop(context.Context)             {}
func (*recorder) Reconfigure(context.Context, any) {}

func (r *recorder) Log(_ context.Context, e logs.EventV1) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	r.logged.Broadcast()
	return nil
}

// await returns the events as soon as there are n.
func (r *recorder) await(n int) []logs.EventV1 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.events) < n {
		r.logged.Wait()
	}
	return append([]logs.EventV1(nil), r.events...)
}

func (r *recorder) all() []logs.EventV1 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]logs.EventV1(nil), r.events...)
}

type pki struct {
	ca             []byte
	pool           *x509.CertPool
	server, client tls.Certificate
}

func newPKI(t *testing.T) pki {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	p := pki{ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pool: x509.NewCertPool()}
	p.pool.AppendCertsFromPEM(p.ca)
	p.server = leaf(t, template, key, "127.0.0.1")
	p.client = leaf(t, template, key, "gatekeeper-webhook")
	return p
}

func leaf(t *testing.T, ca *x509.Certificate, caKey *ecdsa.PrivateKey, name string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func writeCertificate(t *testing.T, dir string, c tls.Certificate) (certificate, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate = write(t, dir, "tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})))
	return certificate, write(t, dir, "tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
