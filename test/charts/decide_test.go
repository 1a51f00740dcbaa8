// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"helm.sh/helm/v3/pkg/strvals"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// images are one that is signed and one that is not, and the signer's CA in a file.
type images struct {
	signed, unsigned, digest string
	ca                       *signtest.CA
	file                     string
}

func newImages(t *testing.T) images {
	t.Helper()
	servetest.WatchSources(t)
	registry := registrytest.Start(t, registrytest.Options{})
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	signer, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	image, err := registry.PushImage(t.Context(), "net-monitor", "v1")
	fatal(t, err)
	_, err = signer.SignAndAttach(t.Context(), registry, "net-monitor", image, signtest.SignOptions{Format: signtest.COSE})
	fatal(t, err)
	_, err = registry.PushImage(t.Context(), "alpine", "v1")
	fatal(t, err)
	file := filepath.Join(t.TempDir(), "ratify-sample.io.crt")
	fatal(t, os.WriteFile(file, ca.PEM(), 0o600))
	return images{
		signed: registry.Host() + "/net-monitor:v1", unsigned: registry.Host() + "/alpine:v1",
		digest: registry.Reference("net-monitor", image.Digest), ca: ca, file: file,
	}
}

// setFile is `--set-file`.
func setFile(t *testing.T, values map[string]any, assignment string) {
	t.Helper()
	fatal(t, strvals.ParseIntoFile(assignment, values, func(path []rune) (any, error) {
		raw, err := os.ReadFile(string(path))
		return string(raw), err
	}))
}

// The pods admit what the values trust and nothing else, over the wire that the chart
// lays.
func TestPodsDecide(t *testing.T) {
	t.Parallel()
	i := newImages(t)
	byFile := func(name string) func(*testing.T) (map[string]any, []*corev1.ConfigMap) {
		return func(t *testing.T) (map[string]any, []*corev1.ConfigMap) {
			values := map[string]any{}
			setFile(t, values, name+"="+i.file)
			return values, nil
		}
	}
	for _, tt := range []struct {
		name   string
		values func(*testing.T) (map[string]any, []*corev1.ConfigMap)
	}{
		{"--set-file notationCerts[0]", byFile("notationCerts[0]")},
		{"--set-file notaryCert", byFile("notaryCert")},
		{"trust stores by name", func(t *testing.T) (map[string]any, []*corev1.ConfigMap) {
			values := parse(t, `{notation: {trustPolicies: [{name: a, registryScopes: ["*"], trustStores: ["ca:notationCerts[0]"]}]}}`)
			setFile(t, values, "notationCerts[0]="+i.file)
			return values, nil
		}},
		{"the same, all in values", func(t *testing.T) (map[string]any, []*corev1.ConfigMap) {
			values := parse(t, `{policy: {source: values}}`)
			setFile(t, values, "notationCerts[0]="+i.file)
			return values, nil
		}},
		{"policies as data", func(*testing.T) (map[string]any, []*corev1.ConfigMap) {
			return map[string]any{"policy": map[string]any{
				"source":    "values",
				"policies":  []any{map[string]any{"name": "a", "scopes": []any{"*"}, "trust": "acme"}},
				"documents": map[string]any{"acme": i.ca.TrustDocument()},
			}}, nil
		}},
		{"a ConfigMap of files", func(t *testing.T) (map[string]any, []*corev1.ConfigMap) {
			return parse(t, `{policy: {source: configMap, configMap: {name: acme-trust}}}`), []*corev1.ConfigMap{configMap(map[string][]byte{"trust.rego": []byte(policy), "data.yaml": i.data(t)})}
		}},
		{"a ConfigMap with a bundle", func(t *testing.T) (map[string]any, []*corev1.ConfigMap) {
			return parse(t, `{policy: {source: configMap, configMap: {name: acme-trust, files: [trust.tar.gz]}}}`), []*corev1.ConfigMap{configMap(map[string][]byte{"trust.tar.gz": i.bundle(t)})}
		}},
		{"a bundle from a server", func(t *testing.T) (map[string]any, []*corev1.ConfigMap) {
			return i.fromServer(t, i.bundle(t), map[string]any{}), nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			values, there := tt.values(t)
			startPod(t, values, nil, there...).judges(t, i)
		})
	}
}

// judges asks about both images, and for the digest of the signed one.
func (p *pod) judges(t *testing.T, i images) {
	t.Helper()
	got := p.items(t, "ratify-provider", "[default]"+i.signed, "[default]"+i.unsigned)
	var verdicts []bool
	for _, item := range got {
		var value struct {
			IsSuccess bool `json:"isSuccess"`
		}
		fatal(t, json.Unmarshal(item.Value, &value))
		verdicts = append(verdicts, value.IsSuccess)
	}
	if fmt.Sprint(verdicts) != "[true false]" {
		t.Errorf("signed and unsigned: %v; want [true false]\n%s", verdicts, got)
	}
	if got := p.items(t, "ratify-mutation-provider", i.signed); string(got[0].Value) != `"`+i.digest+`"` {
		t.Errorf("mutated to %s; want %s", got[0].Value, i.digest)
	}
}

type item struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
	Error string          `json:"error"`
}

func (i item) String() string { return i.Key + " " + string(i.Value) + " " + i.Error + "\n" }

// items is what Gatekeeper is answered.
func (p *pod) items(t *testing.T, provider string, keys ...string) []item {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest", "request": map[string]any{"keys": keys},
	})
	fatal(t, err)
	pair, err := p.gatekeeper.KeyPair()
	fatal(t, err)
	status, raw := send(t, p.client(t, pair), http.MethodPost, p.url(t, provider), body)
	var answer struct {
		Response struct {
			Items       []item `json:"items"`
			SystemError string `json:"systemError"`
		} `json:"response"`
	}
	fatal(t, json.Unmarshal(raw, &answer))
	if status != http.StatusOK || answer.Response.SystemError != "" || len(answer.Response.Items) != len(keys) {
		t.Fatalf("answered %d %s", status, raw)
	}
	return answer.Response.Items
}

func send(t *testing.T, client *http.Client, method, url string, body []byte) (status int, answer []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	fatal(t, err)
	response, err := client.Do(request)
	fatal(t, err)
	answer, err = io.ReadAll(response.Body)
	fatal(t, err)
	fatal(t, response.Body.Close())
	return response.StatusCode, answer
}

// Gatekeeper may ask its two questions. Nobody changes the policy, and who shows no
// certificate is not talked to.
func TestPodsAreClosed(t *testing.T) {
	t.Parallel()
	i := newImages(t)
	values := map[string]any{}
	setFile(t, values, "notationCerts[0]="+i.file)
	p := startPod(t, values, nil)
	pair, err := p.gatekeeper.KeyPair()
	fatal(t, err)
	base := strings.TrimSuffix(p.url(t, "ratify-provider"), "/ratify/gatekeeper/v1/verify")
	for _, tt := range []struct{ method, path string }{
		{http.MethodPut, "/v1/policies/more"}, {http.MethodPut, "/v1/data/trust/policies"}, {http.MethodGet, "/v1/config"}, {http.MethodPost, "/v1/data/trust"},
	} {
		if status, raw := send(t, p.client(t, pair), tt.method, base+tt.path, []byte("{}")); status != http.StatusUnauthorized {
			t.Errorf("%s %s: %d %s; want 401", tt.method, tt.path, status, raw)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/ratify/gatekeeper/v1/verify", strings.NewReader("{}"))
	fatal(t, err)
	if response, err := p.client(t).Do(request); err == nil {
		t.Errorf("without a certificate: %s; want no answer", response.Status)
		fatal(t, response.Body.Close())
	}
	p.judges(t, i)
}

// A bundle that the named key has not signed is not loaded, and the pod is not ready.
func TestUnsignedBundleIsNotLoaded(t *testing.T) {
	t.Parallel()
	i := newImages(t)
	_, public := keyPair(t)
	p := newPod(t, i.fromServer(t, i.bundle(t), map[string]any{"publicKey": public, "algorithm": "ES256"}))
	p.run(t, nil, nil)
	p.await(t, "refusing the bundle", func(context.Context) (bool, string) {
		return strings.Contains(p.printed(t), "bundle missing .signatures.json file"), ""
	})
	if ready, answer := p.ready(t.Context(), t); ready {
		t.Errorf("it is ready: %s", answer)
	}
}

// A bundle that it has signed is.
func TestSignedBundleIsLoaded(t *testing.T) {
	t.Parallel()
	i := newImages(t)
	private, public := keyPair(t)
	bundle := i.bundle(t, "--signing-key", private, "--signing-alg", "ES256")
	p := startPod(t, i.fromServer(t, bundle, map[string]any{"publicKey": public, "algorithm": "ES256"}), nil)
	p.judges(t, i)
}

// fromServer are values for a bundle that a server has.
func (i images) fromServer(t *testing.T, bundle []byte, signing map[string]any) map[string]any {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bundle) // who went away is not told
	}))
	t.Cleanup(server.Close)
	return map[string]any{"policy": map[string]any{"source": "bundle", "bundle": map[string]any{
		"url": server.URL, "resource": "trust.tar.gz", "signing": signing,
	}}}
}

// keyPair is a private key in a file, and its public key.
func keyPair(t *testing.T) (file, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fatal(t, err)
	private, err := x509.MarshalECPrivateKey(key)
	fatal(t, err)
	file = filepath.Join(t.TempDir(), "private.pem")
	fatal(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), 0o600))
	raw, err := x509.MarshalPKIXPublicKey(key.Public())
	fatal(t, err)
	return file, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: raw}))
}

const policy = `package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.release})

reasons contains e.message if some e in report.errors
`

// data is a trust document for the policy above.
func (i images) data(t *testing.T) []byte {
	t.Helper()
	raw, err := yaml.Marshal(map[string]any{"trust": map[string]any{"release": i.ca.TrustDocument()}})
	fatal(t, err)
	return raw
}

// bundle is the policy above as `opa-ratify build` makes one.
func (i images) bundle(t *testing.T, args ...string) []byte {
	t.Helper()
	return build(t, map[string][]byte{"trust.rego": []byte(policy), "data.yaml": i.data(t), ".manifest": []byte(`{"roots": ["trust"]}`)}, args...)
}

// build is `opa-ratify build`.
func build(t *testing.T, files map[string][]byte, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		fatal(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	if output, err := exec.Command(binary, append([]string{"build", "-b", dir, "-o", file}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	raw, err := os.ReadFile(file)
	fatal(t, err)
	return raw
}

func configMap(files map[string][]byte) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "acme-trust"}, BinaryData: files}
}
