// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

const ratifyGroup = "config.ratify.deislabs.io"

// custom is one of Ratify's resources.
func custom(version, kind, name string, spec object) object {
	return object{"apiVersion": ratifyGroup + "/" + version, "kind": kind, "metadata": object{"name": name}, "spec": spec}
}

// inline is a KeyManagementProvider with certificates.
func inline(name string, ca *signtest.CA) object {
	return custom("v1beta1", "KeyManagementProvider", name, object{"type": "inline", "parameters": object{"contentType": "certificate", "value": string(ca.PEM())}})
}

// notationVerifier is a Verifier whose store has the certificates of providers.
func notationVerifier(name, level string, providers ...string) object {
	return custom("v1beta1", "Verifier", name, object{
		"name": "notation", "artifactTypes": "application/vnd.cncf.notary.signature",
		"parameters": object{
			"verificationCertStores": object{"certs": providers},
			"trustPolicyDoc": object{"version": "1.0", "trustPolicies": []any{object{
				"name": "default", "registryScopes": []string{"*"}, "signatureVerification": object{"level": level},
				"trustStores": []string{"ca:certs"}, "trustedIdentities": []string{"*"},
			}}},
		},
	})
}

// namespaced puts a resource into a namespace, as its Namespaced kind.
func namespaced(namespace string, o object) object {
	o["kind"] = "Namespaced" + o["kind"].(string)
	o["metadata"].(object)["namespace"] = namespace
	return o
}

// What Ratify's acceptance tests do with resources, on those that the chart made.
func resourcesTest(t *testing.T, w *world) {
	ca, signer := authority(t, "resources")
	otherCA, otherSigner := authority(t, "alternate")
	signed := w.publish(t, "resources/signed", notation(signer, signtest.SignOptions{}))
	alternate := w.publish(t, "resources/signed-alternate", notation(otherSigner, signtest.SignOptions{}))
	both := w.publish(t, "resources/both", notation(signer, signtest.SignOptions{}), notation(otherSigner, signtest.SignOptions{}))
	unsigned := w.publish(t, "resources/unsigned")
	address := freeAddress(t)
	r, _ := w.install(t, "resources", address, "--set-file", "notationCerts[0]="+w.write(t, "resources.crt", ca.PEM()), "--set", "gatekeeper.constraints.kinds={RatifyVerification}")
	defer w.uninstall(t)
	r.startPod(t, address)
	r.ready(t)
	r.decides(t, signed, unsigned)

	t.Run("store crd status check", func(t *testing.T) { storeStatusTest(t, r) })
	t.Run("crd version test", func(t *testing.T) { versionTest(t, r) })
	t.Run("validate crd add, replace and delete", func(t *testing.T) { replaceTest(t, r, signed, alternate) })
	t.Run("inline key management provider", func(t *testing.T) { providerTest(t, r, otherCA, signed, alternate) })
	t.Run("a bad update", func(t *testing.T) { badUpdateTest(t, r, signed, unsigned) })
	t.Run("namespaced resources", func(t *testing.T) { namespacedTest(t, r, otherCA, signed, both) })
}

// restored applies what the chart made, as it was.
func (r *release) restored(t *testing.T, resource string) func() {
	t.Helper()
	o := r.read(t, resource)
	was := object{"apiVersion": o["apiVersion"], "kind": o["kind"], "metadata": object{"name": o["metadata"].(object)["name"]}, "spec": o["spec"]}
	return func() { r.apply(t, was) }
}

// The texts are those of Ratify's tests; the columns those of its definitions.
func storeStatusTest(t *testing.T, r *release) {
	r.settled(t, "store/store-oras", "true")
	columns := strings.Fields(r.kubectl(t, "get", "store", "store-oras"))
	if got := strings.Join(columns, " "); got != "NAME ISSUCCESS ERROR store-oras true" {
		t.Errorf("kubectl get store store-oras prints %s", got)
	}
	store := custom("v1beta1", "Store", "store-dynamic", object{"name": "dynamicstore", "version": "1.0.0", "source": object{"artifact": r.registry + "/store:v0"}})
	verifier := custom("v1beta1", "Verifier", "verifier-dynamic", object{"name": "dynamic", "artifactTypes": "application/vnd.ratify.spdx.v0"})
	r.apply(t, store, verifier)
	defer func() { fatal(t, r.remove(t.Context(), store, verifier)) }()
	says(t, fmt.Sprint(r.settled(t, "store/store-dynamic", "false")), "plugin not found")
	says(t, r.kubectl(t, "describe", "verifier", "verifier-dynamic"), "Issuccess:", "Brieferror:", "PLUGIN_NOT_FOUND:")
	says(t, r.kubectl(t, "get", "stores"), "store-dynamic", "false", "PLUGIN_NOT_FOUND")
	eventually(t, time.Minute, "an event about the store", func() error {
		if events := r.kubectl(t, "get", "events", "-A"); !strings.Contains(events, "store/store-dynamic") {
			return fmt.Errorf("there are\n%s", events)
		}
		return nil
	})
}

// What is written as v1alpha1 is read as v1beta1, and counts.
func versionTest(t *testing.T, r *release) {
	store := custom("v1alpha1", "Store", "store-alpha", object{"name": "oras", "parameters": object{"cosignEnabled": true}})
	r.apply(t, store)
	defer func() { fatal(t, r.remove(t.Context(), store)) }()
	r.settled(t, "store/store-alpha", "true")
	if got := r.kubectl(t, "get", "store", "store-alpha", "-o", "jsonpath={.apiVersion}"); got != ratifyGroup+"/v1beta1" {
		t.Errorf("it is read as %s", got)
	}
}

func replaceTest(t *testing.T, r *release, signed, alternate image) {
	restore := r.restored(t, "verifier/verifier-notation")
	r.kubectl(t, "delete", "verifier", "verifier-notation")
	r.untilRefused(t, signed.tag, "[ratify-constraint]")
	restore()
	r.untilAdmitted(t, signed.tag, signed.pinned)

	r.apply(t, notationVerifier("verifier-notation", "audit", "ratify-notation-inline-cert-0"))
	r.untilAdmitted(t, alternate.tag, alternate.pinned)
	restore()
	r.untilRefused(t, alternate.tag, "untrusted_certificate")
	r.untilAdmitted(t, signed.tag, signed.pinned)
}

// A provider that the verifier comes to name makes another signer's image pass, and so
// does a CertificateStore of that name when the provider is gone.
func providerTest(t *testing.T, r *release, ca *signtest.CA, signed, alternate image) {
	restore := r.restored(t, "verifier/verifier-notation")
	defer restore()
	r.refuses(t, alternate.tag, "untrusted_certificate")
	provider := inline("keymanagementprovider-inline", ca)
	r.apply(t, provider, notationVerifier("verifier-notation", "strict", "ratify-notation-inline-cert-0", "keymanagementprovider-inline"))
	r.untilAdmitted(t, alternate.tag, alternate.pinned)
	r.untilAdmitted(t, signed.tag, signed.pinned)
	r.settled(t, "keymanagementprovider/keymanagementprovider-inline", "true")

	store := custom("v1beta1", "CertificateStore", "keymanagementprovider-inline", object{"provider": "inline", "parameters": object{"value": string(ca.PEM())}})
	r.apply(t, store)
	fatal(t, r.remove(t.Context(), provider))
	r.settled(t, "certificatestore/keymanagementprovider-inline", "true")
	r.untilAdmitted(t, alternate.tag, alternate.pinned)
	restore()
	r.untilRefused(t, alternate.tag, "untrusted_certificate")
	fatal(t, r.remove(t.Context(), store))
}

// What cannot be meant changes nothing but the status.
func badUpdateTest(t *testing.T, r *release, signed, unsigned image) {
	restore := r.restored(t, "verifier/verifier-notation")
	r.apply(t, notationVerifier("verifier-notation", "strictest", "ratify-notation-inline-cert-0"))
	status := r.settled(t, "verifier/verifier-notation", "false")
	says(t, fmt.Sprint(status["error"]), "strictest")
	r.admits(t, signed.tag, signed.pinned)
	r.refuses(t, unsigned.tag, "no_signature")
	restore()
	r.settled(t, "verifier/verifier-notation", "true")
}

// What a namespace has adds to what the cluster demands, there and nowhere else.
func namespacedTest(t *testing.T, r *release, ca *signtest.CA, signed, both image) {
	const tenant = "resources-tenant"
	r.newNamespace(t, tenant)
	in := r.stage.in(tenant)
	in.untilAdmitted(t, signed.tag, signed.pinned)
	r.apply(t, namespaced(tenant, inline("tenant", ca)), namespaced(tenant, notationVerifier("verifier-notation", "strict", tenant+"/tenant")))
	in.untilRefused(t, signed.tag, "untrusted_certificate")
	in.untilAdmitted(t, both.tag, both.pinned)
	in.admits(t, both.tag, both.pinned)
	in.refuses(t, signed.tag, "untrusted_certificate")
	r.admits(t, signed.tag, signed.pinned)
	r.settled(t, "namespacedverifier/verifier-notation", "true", "-n", tenant)
	r.kubectl(t, "delete", "namespacedverifier,namespacedkeymanagementprovider", "--all", "-n", tenant)
	in.untilAdmitted(t, signed.tag, signed.pinned)
}
