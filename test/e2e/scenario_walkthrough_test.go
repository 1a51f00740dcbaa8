// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"crypto/x509/pkix"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// trustPolicy is trustpolicy.json of the walkthrough, to the letter.
const trustPolicy = `{
"version": "1.0",
"trustPolicies": [
{
"name": "ratify-sample-images",
"registryScopes": [ "*" ],
"signatureVerification": {
"level" : "strict"
},
"trustStores": [ "ca:ratify-sample.io" ],
"trustedIdentities": [
"*"
]
}
]
}
`

// The walkthrough "Ratify with GHCR and Notation" from its first command to its last, on
// a registry that, as GHCR, has no Referrers API. What it installs with helm is the
// cluster's Gatekeeper and opa-ratify with bundles/ghcr.
func walkthroughTest(t *testing.T, w *world) {
	ghcr := registrytest.Start(t, registrytest.Options{NoReferrersAPI: true})
	host := strings.Replace(ghcr.Host(), "127.0.0.1", "localhost", 1) // notation takes no other for a registry without TLS
	ns := host + "/feynmanzhou"
	subject, err := ghcr.PushImage(t.Context(), "feynmanzhou/net-monitor", "v1")
	fatal(t, err)
	unsigned, err := ghcr.PushImage(t.Context(), "feynmanzhou/notation/alpine", "latest")
	fatal(t, err)
	IMAGE := ns + "/net-monitor@" + subject.Digest.String()

	w.notation(t, "cert", "generate-test", "--default", "ratify-sample.io")
	says(t, w.notation(t, "cert", "ls"), "ratify-sample.io.crt")
	says(t, w.notation(t, "sign", "--signature-format", "cose", IMAGE), "Successfully signed "+IMAGE)
	says(t, w.notation(t, "ls", IMAGE), IMAGE, "application/vnd.cncf.notary.signature")
	fatal(t, os.WriteFile(filepath.Join(w.home, "trustpolicy.json"), []byte(trustPolicy), 0o600))
	w.notation(t, "policy", "import", "./trustpolicy.json")
	says(t, w.notation(t, "verify", IMAGE), "Successfully verified signature for "+IMAGE)

	expired := signtest.LeafOptions{NotBefore: time.Now().Add(-72 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour), Subject: pkix.Name{
		CommonName: "wabbit-networks.io", Organization: []string{"Notary"}, Locality: []string{"Seattle"}, Province: []string{"WA"}, Country: []string{"US"},
	}}
	signer, err := signtest.SelfSigned(expired)
	fatal(t, err)
	old, err := ghcr.PushImage(t.Context(), "feynmanzhou/alpine", "latest")
	fatal(t, err)
	_, err = signer.SignAndAttach(t.Context(), ghcr, "feynmanzhou/alpine", old, signtest.SignOptions{SigningTime: time.Now().Add(-48 * time.Hour)})
	fatal(t, err)

	w.newNamespace(t, "default")
	st := w.prepare(t, script{name: "ratify", namespace: "default", bundle: "ghcr", patience: defaults})
	st.fillIn(t, ns, filepath.Join(w.home, ".config", "notation", "localkeys", "ratify-sample.io.crt"), string(signer.PEM()))
	st.serve(t)
	st.applyProviders(t, st.providerCA.PEM())
	kubernetes := absolute(t, servetest.Product, "bundles", "gatekeeper", "kubernetes")
	w.kubectl(t, "apply", "-f", filepath.Join(kubernetes, "templates"))
	constraint := filepath.Join(kubernetes, "constraints", "ratifyverification", "constraint.yaml")
	w.kubectl(t, "apply", "-f", constraint)
	t.Cleanup(func() { st.withdraw(t, readObjects(t, constraint)...) })
	st.untilRefused(t, host+"/nowhere:v1", "[ratify-constraint]")

	says(t, w.kubectl(t, "run", "ratify-signed", "--image="+IMAGE), "pod/ratify-signed created")
	refused := func(name, image string, reasons ...string) string {
		output, err := w.run(t.Context(), nil, w.tools.path("kubectl"), "run", name, "--image="+image)
		denied(t, output, err, append(reasons, "[ratify-constraint] Subject failed verification: "+image)...)
		return output
	}
	printed := refused("demo", ns+"/notation/alpine@"+unsigned.Digest.String(), "no_signature: no notation signature is attached to ")
	printed += refused("sample", ns+"/alpine:latest@"+old.Digest.String(), "expired: ", "wabbit-networks.io")
	shown(t, host, printed)
	st.logs(t, "notation/alpine@"+unsigned.Digest.String(), "no_signature")
}

// fillIn edits the bundle where its README tells to: the place of the images, and the
// certificates.
func (st *stage) fillIn(t *testing.T, scope, certificate, more string) {
	t.Helper()
	file := filepath.Join(st.bundle, "trust", "data.yaml")
	fatal(t, os.RemoveAll(file))
	shippedData := readObjects(t, filepath.Join(servetest.Product, "bundles", "ghcr", "trust", "data.yaml"))[0]
	shippedData["policies"].([]any)[0].(object)["scopes"] = []string{scope}
	document := shippedData["documents"].(object)["ratify-sample-images"].(object)["notation"].(object)
	document["trust_stores"] = object{"ca:ratify-sample.io": []any{object{"file": certificate}, more}}
	writeData(t, st.bundle, shippedData)
}

// logs looks for a line of opa-ratify's log that says all of this.
func (st *stage) logs(t *testing.T, words ...string) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(st.dir, "opa-ratify.log"))
	fatal(t, err)
	for line := range strings.Lines(string(log)) {
		found := 0
		for _, word := range words {
			if strings.Contains(line, word) {
				found++
			}
		}
		if found == len(words) {
			return
		}
	}
	t.Errorf("no line of opa-ratify's log says %q", words)
}

// notation is the real command line.
func (w *world) notation(t *testing.T, args ...string) string {
	t.Helper()
	output, err := w.run(t.Context(), nil, w.tools.path("notation"), args...)
	if err != nil {
		t.Fatalf("notation %q: %v\n%s", args, err, output)
	}
	return output
}

// says compares what was printed with what must be in it.
func says(t *testing.T, output string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(output, word) {
			t.Errorf("%s\ndoes not say %s", output, word)
		}
	}
}

// What differs from run to run.
var (
	digests = regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	times   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
)

// shown compares each line with README.md, where digests are "sha256:…", times "…", and
// the registry is ghcr.io.
func shown(t *testing.T, host, output string) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	fatal(t, err)
	output = strings.ReplaceAll(output, host, "ghcr.io")
	output = times.ReplaceAllString(digests.ReplaceAllString(output, "sha256:…"), "…")
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(string(readme), line) {
			t.Errorf("README.md does not show\n%s", line)
		}
	}
}
