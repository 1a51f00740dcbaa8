// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// object is anything of the Kubernetes API.
type object = map[string]any

// gatekeeper is the process with both webhooks, audit and external data.
type gatekeeper struct {
	*process

	address, health string // host:port of the webhooks, of /readyz
	certificates    string // directory with tls.crt and tls.key
	kubeconfig      string
	ca              *servetest.Authority
	caFile          string // what providers trust; opa-ratify reads it again when it changes
	webhooks        []object
}

// startGatekeeper installs Gatekeeper from its own manifest, without what needs nodes,
// and runs it as the service account of that manifest.
func (w *world) startGatekeeper(t *testing.T) {
	t.Helper()
	source := moduleField(t, absolute(t, "tools", "k8s"), gatekeeperModule, "Dir")
	manifest := readObjects(t, filepath.Join(source, "deploy", "gatekeeper.yaml"))
	w.apply(t, ofKinds(manifest, "Namespace", "CustomResourceDefinition", "ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")...)
	w.kubectl(t, "wait", "--for", "condition=Established", "--timeout", "60s", "crd", "--all")

	g := &gatekeeper{address: freeAddress(t), health: freeAddress(t), certificates: filepath.Join(w.dir, "gatekeeper-tls"), caFile: filepath.Join(w.dir, "gatekeeper-ca.crt")}
	fatal(t, os.MkdirAll(g.certificates, 0o700))
	var err error
	g.ca, err = servetest.NewAuthority("e2e gatekeeper")
	fatal(t, err)
	g.issue(t)
	w.write(t, "gatekeeper-ca.crt", g.ca.PEM())
	token := strings.TrimSpace(w.kubectl(t, "create", "token", "gatekeeper-admin", "-n", "gatekeeper-system", "--duration", "24h"))
	g.kubeconfig = w.writeKubeconfig(t, "gatekeeper.kubeconfig", object{"token": token})
	g.webhooks = ofKinds(manifest, "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
	w.gatekeeper = g
	w.runGatekeeper(t, "0s")
	t.Cleanup(func() { g.stop() }) // whichever process it is then
	w.applyWebhooks(t, webhookSettings{failurePolicy: "Fail", timeout: 10})
}

// issue replaces what Gatekeeper serves its webhooks with, and shows to providers.
func (g *gatekeeper) issue(t *testing.T) {
	t.Helper()
	fatal(t, g.ca.Issue(filepath.Join(g.certificates, "tls.crt"), filepath.Join(g.certificates, "tls.key"),
		pkix.Name{CommonName: gatekeeperName}, gatekeeperName))
}

const gatekeeperName = "gatekeeper-webhook-service.gatekeeper-system.svc"

// runGatekeeper starts the process, with answers of providers cached for cacheTTL. Its
// Prometheus endpoint would bind every address, so metrics go where nobody listens.
func (w *world) runGatekeeper(t *testing.T, cacheTTL string) {
	t.Helper()
	g, audit := w.gatekeeper, filepath.Join(w.dir, "gatekeeper-audit")
	fatal(t, os.MkdirAll(audit, 0o700))
	host, port, err := net.SplitHostPort(g.address)
	fatal(t, err)
	g.process = w.launch(t, "gatekeeper", "gatekeeper", []string{"POD_NAMESPACE=gatekeeper-system"},
		"--kubeconfig", g.kubeconfig, "--debug-use-fake-pod", "--host", host, "--port", port, "--health-addr", g.health,
		"--metrics-backend", "opentelemetry", "--otlp-endpoint", "127.0.0.1:1", "--otlp-metric-interval", "24h",
		"--cert-dir", g.certificates, "--disable-cert-rotation", "--external-data-provider-response-cache-ttl", cacheTTL,
		"--exempt-namespace", "gatekeeper-system", "--disable-opa-builtin", "{http.send}",
		"--log-denies", "--log-mutations", "--audit-interval", "5", "--api-cache-dir", audit, "--shutdown-delay", "0")
	g.answers(t, http.DefaultClient, "http://"+g.health+"/readyz")
}

// webhookSettings are what an operator sets in Gatekeeper's chart.
type webhookSettings struct {
	failurePolicy string
	timeout       int    // seconds
	ca            []byte // what the API server trusts; nil: Gatekeeper's CA
}

// applyWebhooks points the webhooks at the process. As shipped they fail open.
func (w *world) applyWebhooks(t *testing.T, s webhookSettings) {
	t.Helper()
	if s.ca == nil {
		s.ca = w.gatekeeper.ca.PEM()
	}
	var objects []object
	for _, configuration := range clone(t, w.gatekeeper.webhooks) {
		for _, each := range configuration["webhooks"].([]any) {
			webhook := each.(object)
			client := webhook["clientConfig"].(object)
			path := client["service"].(object)["path"].(string)
			webhook["clientConfig"] = object{"url": "https://" + w.gatekeeper.address + path, "caBundle": s.ca}
			webhook["failurePolicy"], webhook["timeoutSeconds"] = s.failurePolicy, s.timeout
		}
		objects = append(objects, configuration)
	}
	w.apply(t, objects...)
}

// readObjects reads YAML with any number of documents and Lists.
func readObjects(t *testing.T, path string) []object {
	t.Helper()
	raw, err := os.ReadFile(path)
	fatal(t, err)
	var objects []object
	for decoder := yaml.NewDecoder(bytes.NewReader(raw)); ; {
		var o object
		switch err := decoder.Decode(&o); {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		case o["kind"] == "List":
			for _, item := range o["items"].([]any) {
				objects = append(objects, item.(object))
			}
		case o != nil:
			objects = append(objects, o)
		}
	}
}

func ofKinds(objects []object, kinds ...string) []object {
	return slices.DeleteFunc(slices.Clone(objects), func(o object) bool { return !slices.Contains(kinds, o["kind"].(string)) })
}

// clone copies a document, anchors of YAML included, so that changing one place
// changes no other.
func clone[T any](t *testing.T, v T) T {
	t.Helper()
	raw, err := json.Marshal(v)
	fatal(t, err)
	var c T
	fatal(t, json.Unmarshal(raw, &c))
	return c
}
