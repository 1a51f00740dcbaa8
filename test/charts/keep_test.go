// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	externaldatav1beta1 "github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/v1beta1"
	corev1 "k8s.io/api/core/v1"

	"github.com/opa-ratify/opa-ratify/test/charts"
)

// What the chart made once stays over upgrades: pods and Providers that are out of
// step would refuse one another.
func TestCertificatesAreKept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, values, secret string }{
		{"generated", `{}`, "Secret gatekeeper-system/ratify-tls"},
		{"the CA for cert-manager", `{provider: {tls: {certManager: {enabled: true}}}}`, "Secret gatekeeper-system/ratify-ca"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			values := parse(t, tt.values)
			installed, _, err := charts.Render(charts.Release{Cluster: newCluster()}, values)
			fatal(t, err)
			made := as[corev1.Secret](t, find(t, installed, tt.secret))
			upgraded, _, err := charts.Render(charts.Release{Cluster: newCluster(&made), Upgrade: true}, values)
			fatal(t, err)
			kept := as[corev1.Secret](t, find(t, upgraded, tt.secret))
			if diff := cmp.Diff(made.Data, kept.Data); diff != "" {
				t.Errorf("the Secret changed (-installed +upgraded):\n%s", diff)
			}
			before, after := bundle(t, installed, "ratify-provider"), bundle(t, upgraded, "ratify-provider")
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the CA of the Provider changed (-installed +upgraded):\n%s", diff)
			}
			if diff := cmp.Diff(after, bundle(t, upgraded, "ratify-mutation-provider")); diff != "" {
				t.Errorf("the Providers differ:\n%s", diff)
			}
		})
	}
}

// The chart neither makes the Secret that is rotated, nor takes its CAs from the
// Providers when it is upgraded, or when certificates are to be rotated from now on.
func TestRotatedCertificatesAreLeftAlone(t *testing.T) {
	t.Parallel()
	nobody, err := os.ReadFile(filepath.Join(charts.Chart, "files", "nobody.crt"))
	fatal(t, err)
	rotated := parse(t, `{featureFlags: {RATIFY_CERT_ROTATION: true}}`)
	for _, tt := range []struct {
		name    string
		secrets []*corev1.Secret
		want    string
	}{
		{"installed", nil, string(nobody)},
		{"upgraded", []*corev1.Secret{secret("gatekeeper-system", "ratify-tls", map[string][]byte{"ca.crt": []byte("new, old")})}, "new, old"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			objects, _, err := charts.Render(charts.Release{Cluster: newCluster(tt.secrets...), Upgrade: tt.secrets != nil}, rotated)
			fatal(t, err)
			for _, provider := range []string{"ratify-provider", "ratify-mutation-provider"} {
				if got := bundle(t, objects, provider); string(got) != tt.want {
					t.Errorf("%s has the CA %q; want %q", provider, got, tt.want)
				}
			}
			for _, o := range objects {
				if o.Kind == "Secret" {
					t.Errorf("%s was rendered; it would replace what is rotated", o.ID())
				}
			}
		})
	}
}

// The generated certificate is valid for the name in the Provider's URL, by the CA there.
func TestGeneratedCertificate(t *testing.T) {
	t.Parallel()
	objects, _, err := charts.Render(charts.Release{Cluster: newCluster()}, nil)
	fatal(t, err)
	s := as[corev1.Secret](t, find(t, objects, "Secret gatekeeper-system/ratify-tls"))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle(t, objects, "ratify-provider"))
	block, _ := pem.Decode(s.Data[corev1.TLSCertKey])
	leaf, err := x509.ParseCertificate(block.Bytes)
	fatal(t, err)
	for _, name := range []string{"ratify.gatekeeper-system", "ratify.gatekeeper-system.svc"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: time.Now().AddDate(9, 0, 0)}); err != nil {
			t.Errorf("in nine years, for %s: %v", name, err)
		}
	}
}

// A Secret of the operator is mounted, its CA believed, and nothing is made beside it.
func TestExistingSecret(t *testing.T) {
	t.Parallel()
	there := secret("gatekeeper-system", "mine", map[string][]byte{"ca.crt": []byte("CA"), "tls.crt": nil, "tls.key": nil})
	objects, _, err := charts.Render(charts.Release{Cluster: newCluster(there)}, parse(t, `{provider: {tls: {existingSecret: mine}}}`))
	fatal(t, err)
	if got := string(bundle(t, objects, "ratify-provider")); got != "CA" {
		t.Errorf("the Provider has %q, want the CA of the Secret", got)
	}
	for _, o := range objects {
		if o.Kind == "Secret" {
			t.Errorf("%s was made", o.ID())
		}
	}
}

// The CA of a Gatekeeper in another namespace is copied, for a pod mounts only Secrets
// of its own.
func TestGatekeeperElsewhere(t *testing.T) {
	t.Parallel()
	there := secret("kube-system", "gatekeeper-webhook-server-cert", map[string][]byte{"ca.crt": []byte("CA of Gatekeeper"), "tls.key": []byte("secret")})
	objects, _, err := charts.Render(charts.Release{Cluster: newCluster(there)}, parse(t, `{gatekeeper: {namespace: kube-system}}`))
	fatal(t, err)
	got := as[corev1.ConfigMap](t, find(t, objects, "ConfigMap gatekeeper-system/ratify-gatekeeper-ca"))
	if diff := cmp.Diff(map[string]string{"ca.crt": "CA of Gatekeeper"}, got.Data); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// bundle is the CA by which Gatekeeper knows a provider.
func bundle(t *testing.T, objects []charts.Object, name string) []byte {
	t.Helper()
	provider := as[externaldatav1beta1.Provider](t, find(t, objects, "Provider "+name))
	ca, err := base64.StdEncoding.DecodeString(provider.Spec.CABundle)
	fatal(t, err)
	return ca
}
