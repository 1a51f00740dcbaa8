// SPDX-License-Identifier: Apache-2.0

package rotation_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-policy-agent/cert-controller/pkg/rotator"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/opa-ratify/opa-ratify/cmd/opa-ratify-certs/rotation"
)

// world is a cluster of objects without an API server, a clock, and cert-controller's own
// way to make certificates.
type world struct {
	options rotation.Options
	client  client.Client
	now     time.Time
	step    func(context.Context, time.Time) (bool, error)
	maker   *rotator.CertRotator
}

// newWorld has the Provider "provider", and Gatekeeper's Secret with a CA.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Now().Truncate(time.Second), options: rotation.Defaults()}
	w.options.Namespace, w.options.Secret, w.options.DNSNames = "own", "tls", []string{"ratify.own"}
	w.options.Providers, w.options.Dir = []string{"provider", "not-there"}, t.TempDir()
	w.options.GatekeeperNamespace = "gatekeeper"
	w.options.Now = func() time.Time { return w.now }
	w.maker = &rotator.CertRotator{CAName: "ca", CAOrganization: "acme", DNSName: "ratify.own", ExtKeyUsages: &[]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}

	scheme := runtime.NewScheme()
	fatal(t, corev1.AddToScheme(scheme))
	provider := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{}}}
	provider.SetGroupVersionKind(providerKind())
	provider.SetName("provider")
	w.client = w.options.KeepFormer(fake.NewClientBuilder().WithScheme(scheme).WithObjects(provider).Build())
	w.step = rotation.Step(w.options, w.client)
	w.gatekeeperHas(t, w.newCA(t))
	return w
}

func providerKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "externaldata.gatekeeper.sh", Version: "v1beta1", Kind: "Provider"}
}

// follow takes one step, and says whether all files are there.
func (w *world) follow(t *testing.T) bool {
	t.Helper()
	complete, err := w.step(t.Context(), w.now)
	fatal(t, err)
	return complete
}

// newCA makes a CA as cert-controller does, now.
func (w *world) newCA(t *testing.T) *rotator.KeyPairArtifacts {
	t.Helper()
	ca, err := w.maker.CreateCACert(w.now.Add(-time.Hour), w.now.Add(w.options.CAValidity))
	fatal(t, err)
	return ca
}

// renewed writes CA and certificate into the Secret as cert-controller does.
func (w *world) renewed(t *testing.T, ca *rotator.KeyPairArtifacts) (certificate []byte) {
	t.Helper()
	certificate, key, err := w.maker.CreateCertPEM(ca, w.now.Add(-time.Hour), w.now.Add(w.options.Validity))
	fatal(t, err)
	s := w.secret(t)
	s.Data = map[string][]byte{"ca.crt": ca.CertPEM, "ca.key": ca.KeyPEM, "tls.crt": certificate, "tls.key": key}
	fatal(t, w.client.Update(t.Context(), s))
	return certificate
}

// injected writes the CAs of the Secret into the Provider as cert-controller does.
func (w *world) injected(t *testing.T) {
	t.Helper()
	provider := w.provider(t)
	fatal(t, unstructured.SetNestedField(provider.Object, base64.StdEncoding.EncodeToString(w.secret(t).Data["ca.crt"]), "spec", "caBundle"))
	fatal(t, w.client.Update(t.Context(), provider))
}

func (w *world) provider(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	provider := &unstructured.Unstructured{}
	provider.SetGroupVersionKind(providerKind())
	fatal(t, w.client.Get(t.Context(), client.ObjectKey{Name: "provider"}, provider))
	return provider
}

func (w *world) secret(t *testing.T) *corev1.Secret {
	t.Helper()
	s := &corev1.Secret{}
	fatal(t, w.client.Get(t.Context(), client.ObjectKey{Namespace: "own", Name: "tls"}, s))
	return s
}

// gatekeeperHas replaces the CA of Gatekeeper.
func (w *world) gatekeeperHas(t *testing.T, ca *rotator.KeyPairArtifacts) {
	t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "gatekeeper", Name: "gatekeeper-webhook-server-cert"}}
	fatal(t, client.IgnoreNotFound(w.client.Delete(t.Context(), s)))
	s.Data = map[string][]byte{"ca.crt": ca.CertPEM}
	fatal(t, w.client.Create(t.Context(), s))
}

// serves fails unless the files are a pair with this certificate.
func (w *world) serves(t *testing.T, certificate []byte) {
	t.Helper()
	if got := w.file(t, "tls.crt"); got != string(certificate) {
		t.Errorf("another certificate is served: %q", got)
	}
	if _, err := tls.X509KeyPair([]byte(w.file(t, "tls.crt")), []byte(w.file(t, "tls.key"))); err != nil {
		t.Error(err)
	}
}

func (w *world) file(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.options.Dir, name))
	fatal(t, err)
	return string(content)
}

// bundled fails unless the text is these CAs, in this order.
func bundled(t *testing.T, text string, cas ...*rotator.KeyPairArtifacts) {
	t.Helper()
	var want []byte
	for _, ca := range cas {
		block, _ := pem.Decode(ca.CertPEM)
		want = append(want, pem.EncodeToMemory(block)...)
	}
	if text != string(want) {
		t.Errorf("the CAs are\n%s\nwant %d:\n%s", text, len(cas), want)
	}
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
