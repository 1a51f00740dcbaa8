// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// release is the chart, installed by helm into Gatekeeper's namespace, and its pods, which
// no kubelet starts: they run here.
type release struct {
	*stage

	args    []string // of helm install and upgrade
	running []*releasedPod
}

const (
	releaseName      = "ratify"
	releaseNamespace = "gatekeeper-system"
)

// install installs the chart with values, as `--set a=b` or any other flag of helm, for a
// provider at address. What it prints is returned. There is no DNS and there are no
// Services here: the certificate is for the address, which the Providers are told.
func (w *world) install(t *testing.T, name, address string, values ...string) (*release, string) {
	t.Helper()
	w.apply(t, object{"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "gatekeeper-webhook-server-cert", "namespace": releaseNamespace}, "data": object{"ca.crt": readFile(t, w.gatekeeper.caFile)}})
	w.newNamespace(t, name)
	r := &release{stage: w.bareStage(t, name)}
	fatal(t, r.providerCA.Issue(filepath.Join(r.dir, "tls.crt"), filepath.Join(r.dir, "tls.key"), pkix.Name{CommonName: releaseName}))
	fatal(t, os.WriteFile(filepath.Join(r.dir, "ca.crt"), r.providerCA.PEM(), 0o600))
	r.args = append([]string{
		"--namespace", releaseNamespace,
		"--set-file", fmt.Sprintf("provider.tls.crt=%[1]s/tls.crt,provider.tls.key=%[1]s/tls.key,provider.tls.caCert=%[1]s/ca.crt", r.dir),
		"--set", "provider.timeout.validationTimeoutSeconds=8,provider.timeout.mutationTimeoutSeconds=6",
		"--set", "opa.config.plugins.ratify.resources.kubeconfig=" + r.kubeconfigFile(),
	}, values...)
	printed := w.helm(t, append([]string{"install", releaseName, chart(t)}, r.args...)...)
	account := w.kubectl(t, "get", "deployment", releaseName, "-n", releaseNamespace, "-o", "jsonpath={.spec.template.spec.serviceAccountName}")
	token := strings.TrimSpace(w.kubectl(t, "create", "token", account, "-n", releaseNamespace, "--duration", "24h"))
	w.writeKubeconfig(t, filepath.Base(r.kubeconfigFile()), object{"token": token})
	r.provideAt(t, address)
	return r, printed
}

// bareStage is a stage without bundle and Gatekeeper objects of its own.
func (w *world) bareStage(t *testing.T, name string) *stage {
	t.Helper()
	dir := filepath.Join(w.dir, "stage-"+name)
	fatal(t, os.MkdirAll(dir, 0o700))
	ca, err := servetest.NewAuthority("e2e " + name)
	fatal(t, err)
	return &stage{world: w, script: script{name: name}, pods: new(atomic.Int64), ns: name, dir: dir, providerCA: ca}
}

func (r *release) kubeconfigFile() string {
	return filepath.Join(r.world.dir, r.script.name+".kubeconfig")
}

// provideAt points the Providers of the release to an address.
func (r *release) provideAt(t *testing.T, address string) {
	t.Helper()
	const installed = "https://ratify.gatekeeper-system:6001"
	for line := range strings.Lines(r.kubectl(t, "get", "providers", "-l", "app.kubernetes.io/instance="+releaseName, "-o", `jsonpath={range .items[*]}{.metadata.name} {.spec.url}{"\n"}{end}`)) {
		name, url, _ := strings.Cut(strings.TrimSpace(line), " ")
		path, ok := strings.CutPrefix(url, installed)
		if !ok {
			t.Errorf("helm made %s with the URL %s; want one at %s", name, url, installed)
		}
		r.kubectl(t, "patch", "provider", name, "--type", "merge", "-p", fmt.Sprintf(`{"spec":{"url":"https://%s%s"}}`, address, path))
	}
}

// upgrade upgrades the release with more values.
func (r *release) upgrade(t *testing.T, values ...string) string {
	t.Helper()
	r.args = append(r.args, values...)
	return r.helm(t, append([]string{"upgrade", releaseName, chart(t)}, r.args...)...)
}

// uninstall removes the release if it is there, and waits until Gatekeeper asks nobody
// about the pods of any namespace.
func (w *world) uninstall(t *testing.T) {
	t.Helper()
	w.helm(t, "uninstall", releaseName, "-n", releaseNamespace, "--ignore-not-found")
	eventually(t, time.Minute, "Gatekeeper to ask nobody", func() error {
		a, err := w.post(t.Context(), "/api/v1/namespaces/kube-public/pods?dryRun=All", pod("probe", "127.0.0.1:1/nowhere:v1"))
		if err == nil && (a.code == http.StatusForbidden && strings.Contains(a.message(), "gatekeeper") || a.code >= http.StatusInternalServerError) {
			err = errors.New(a.message())
		}
		return err
	})
}

// helm must succeed; what it prints is returned.
func (w *world) helm(t *testing.T, args ...string) string {
	t.Helper()
	output, err := w.run(t.Context(), nil, w.tools.path("helm"), args...)
	if err != nil {
		t.Fatalf("helm %q: %v\n%s", args, err, output)
	}
	return output
}

func chart(t *testing.T) string {
	t.Helper()
	return absolute(t, servetest.Product, "charts", "opa-ratify")
}

// ready waits until every pod answers the readiness probe of the Deployment.
func (r *release) ready(t *testing.T) {
	t.Helper()
	for _, p := range r.running {
		eventually(t, time.Minute, "the pod of the chart to be ready", func() error {
			response, err := http.Get("http://" + p.health + p.probe)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				return errors.New(response.Status + "; see " + p.name + ".log")
			}
			return nil
		})
	}
}

// read gets an object as JSON.
func (w *world) read(t *testing.T, args ...string) object {
	t.Helper()
	var o object
	fatal(t, json.Unmarshal([]byte(w.kubectl(t, append([]string{"get", "-o", "json"}, args...)...)), &o))
	return o
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	fatal(t, err)
	return raw
}
