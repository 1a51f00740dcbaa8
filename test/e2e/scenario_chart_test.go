// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// The API server takes every object that the golden files of the chart have. Kinds of
// cert-manager and the Prometheus operator, which are not installed, are decoded there.
func chartObjectsTest(t *testing.T, w *world) {
	w.definitions(t)
	for _, namespace := range []string{"ratify", "platform", "builds"} {
		w.newNamespace(t, namespace)
	}
	w.apply(t, object{"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "gatekeeper-webhook-server-cert", "namespace": releaseNamespace}, "data": object{"ca.crt": readFile(t, w.gatekeeper.caFile)}})
	paths, err := filepath.Glob(filepath.Join(servetest.Product, "test", "charts", "testdata", "golden", "*.txtar"))
	fatal(t, err)
	if len(paths) < 12 {
		t.Fatalf("%d golden files; there were 12 or more", len(paths))
	}
	for _, path := range paths {
		golden, err := txtar.ParseFile(path)
		fatal(t, err)
		file := filepath.Join(w.dir, filepath.Base(path))
		fatal(t, os.WriteFile(file, golden.Files[0].Data, 0o600))
		args := []string{"template", releaseName, chart(t), "--dry-run=server", "--values", file, "--namespace", releaseNamespace}
		for line := range strings.Lines(string(golden.Comment)) {
			if namespace, ok := strings.CutPrefix(line, "namespace: "); ok {
				args[len(args)-1] = strings.TrimSpace(namespace)
			}
		}
		for line := range strings.Lines(string(golden.Comment)) {
			if api, ok := strings.CutPrefix(line, "api: "); ok {
				args = append(args, "--api-versions", strings.TrimSpace(api))
			}
		}
		fatal(t, os.WriteFile(file, []byte(w.helm(t, args...)), 0o600))
		objects := slices.DeleteFunc(readObjects(t, file), func(o object) bool {
			group, _, _ := strings.Cut(o["apiVersion"].(string), "/")
			return group == "cert-manager.io" || group == "monitoring.coreos.com"
		})
		raw, err := json.Marshal(object{"apiVersion": "v1", "kind": "List", "items": objects})
		fatal(t, err)
		output, err := w.run(t.Context(), raw, w.tools.path("kubectl"), "apply", "--dry-run=server", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-")
		if err != nil {
			t.Errorf("%s: %v\n%s", filepath.Base(path), err, output)
		}
	}
}

// definitions applies the chart's custom resource definitions, as helm does.
func (w *world) definitions(t *testing.T) {
	t.Helper()
	w.kubectl(t, "apply", "--server-side", "--force-conflicts", "-f", filepath.Join(chart(t), "crds"))
	w.kubectl(t, "wait", "--for", "condition=Established", "--timeout", "60s", "crd", "--all")
}

// helm install brings all of it: resources of Ratify by their names, a pod that follows
// them, Providers, mutators and template; and with the first upgrade, when Gatekeeper
// knows the kind, the constraint.
func chartTest(t *testing.T, w *world) {
	ca, signer := authority(t, "chart")
	signed := w.publish(t, "chart/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "chart/unsigned")
	certificate := w.write(t, "ratify-sample.io.crt", ca.PEM())
	w.withoutTemplates(t)
	defer func() {
		w.uninstall(t)
		w.forget(t)
		w.applyTemplates(t)
	}()

	address := freeAddress(t)
	r, printed := w.install(t, "chart", address,
		"--set-file", "notationCerts[0]="+certificate,
		"--set", "gatekeeper.templates=true,gatekeeper.constraints.kinds={RatifyVerification}")
	says(t, printed, "NOTHING yet by RatifyVerification: Gatekeeper did not know the kind. Repeat this command as helm upgrade.")
	r.startPod(t, address)
	r.ready(t)
	w.settled(t, "store/store-oras", "true")
	w.settled(t, "verifier/verifier-notation", "true")
	w.settled(t, "keymanagementprovider/ratify-notation-inline-cert-0", "true")
	w.untilTemplates(t)
	r.upgrade(t)
	w.kubectl(t, "get", "ratifyverification", "ratify-constraint")
	r.decides(t, signed, unsigned)

	edit := `{"spec":{"parameters":{"ttl":1}}}`
	w.kubectl(t, "patch", "store", "store-oras", "--type", "merge", "-p", edit)
	r.upgrade(t, "--set", "gatekeeper.constraints.enforcementAction=warn")
	if ttl := w.kubectl(t, "get", "store", "store-oras", "-o", "jsonpath={.spec.parameters.ttl}"); ttl != "1" {
		t.Errorf("after helm upgrade store-oras has ttl %s; want what was edited, 1", ttl)
	}
	eventually(t, time.Minute, "Gatekeeper to warn only", func() error {
		output, err := r.runPod(t, unsigned.pinned, "--dry-run=server")
		if err != nil || !strings.Contains(output, "Warning: [ratify-constraint]") {
			return fmt.Errorf("%w: %s", err, output)
		}
		return nil
	})

	w.uninstall(t)
	if left := w.kubectl(t, "get", "stores,verifiers,policies.config.ratify.deislabs.io,keymanagementproviders,providers,assign", "-l", "app.kubernetes.io/managed-by=Helm", "-o", "name"); left != "" {
		t.Errorf("helm uninstall left\n%s", left)
	}
	w.kubectl(t, "get", "crd", "stores.config.ratify.deislabs.io")
}

// Resources that are there, as Ratify's hooks leave them, are read as they are: the chart
// makes none, and neither changes nor removes them. First beside Ratify, with a Provider
// of another name, then in its place.
func chartOverRatifyTest(t *testing.T, w *world) {
	ca, signer := authority(t, "left")
	signed := w.publish(t, "left/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "left/unsigned")
	w.definitions(t)
	left := []object{
		inline("ratify-notation-inline-cert-0", ca), notationVerifier("verifier-notation", "strict", "ratify-notation-inline-cert-0"),
		custom("v1beta1", "Store", "store-oras", object{"name": "oras", "parameters": object{"cosignEnabled": true}}),
		custom("v1beta1", "Policy", "ratify-policy", object{"type": "config-policy", "parameters": object{"artifactVerificationPolicies": object{"default": "all"}}}),
		provider("ratify-provider", ca.PEM()), provider("ratify-mutation-provider", ca.PEM()),
	}
	w.apply(t, left...)
	defer func() { fatal(t, w.remove(t.Context(), left...)) }()

	address := freeAddress(t)
	r, printed := w.install(t, "left", address, "--set", "policy.resources.create=false,provider.name=other-provider,provider.enableMutation=false,serviceAccount.name=other")
	defer w.uninstall(t)
	says(t, printed, "None is made here (policy.resources.create=false).")
	r.startPod(t, address)
	r.ready(t)
	r.settled(t, "verifier/verifier-notation", "true")

	r.upgrade(t, "--set", "provider.name=ratify-provider,provider.enableMutation=true,gatekeeper.constraints.kinds={RatifyVerification}", "--take-ownership", "--force")
	r.provideAt(t, address)
	r.decides(t, signed, unsigned)
	w.uninstall(t)
	w.kubectl(t, "get", "store/store-oras", "verifier/verifier-notation", "policy.config.ratify.deislabs.io/ratify-policy", "keymanagementprovider/ratify-notation-inline-cert-0")
}

// provider is one that Ratify left, where nobody listens.
func provider(name string, ca []byte) object {
	return object{
		"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "Provider", "metadata": object{"name": name},
		"spec": object{"url": "https://127.0.0.1:1/ratify/gatekeeper/v1/verify", "timeout": 5, "caBundle": ca},
	}
}

// decides: the signed image is admitted by its digest, the unsigned one refused.
func (r *release) decides(t *testing.T, signed, unsigned image) {
	t.Helper()
	r.untilAdmitted(t, signed.tag, signed.pinned)
	r.untilRefused(t, unsigned.tag, "[ratify-constraint]")
	r.admits(t, signed.tag, signed.pinned)
	r.refuses(t, unsigned.tag, "[ratify-constraint] Subject failed verification: "+unsigned.pinned, "no_signature: no notation signature is attached to "+unsigned.pinned)
}

// forget removes the kinds of templates that are gone, as a cluster's garbage collector
// does, which is not here.
func (w *world) forget(t *testing.T) {
	t.Helper()
	w.kubectl(t, "delete", "crd", "-l", "gatekeeper.sh/constraint=yes")
}

// withoutTemplates removes the templates that the scenarios share.
func (w *world) withoutTemplates(t *testing.T) {
	t.Helper()
	fatal(t, w.remove(t.Context(), shipped(t, "templates", "templates.yaml")...))
	w.forget(t)
}

// settled waits until a resource's status says issuccess, and returns the status.
func (w *world) settled(t *testing.T, resource, issuccess string, flags ...string) object {
	t.Helper()
	var status object
	eventually(t, time.Minute, "the status of "+resource+" to be issuccess "+issuccess, func() error {
		o := w.read(t, append([]string{resource}, flags...)...)
		status, _ = o["status"].(object)
		raw, err := yaml.Marshal(status)
		if fmt.Sprint(status["issuccess"]) != issuccess {
			return fmt.Errorf("%w:\n%s", err, raw)
		}
		return nil
	})
	return status
}
