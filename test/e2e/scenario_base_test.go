// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"testing"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// trusting is the data of a bundle that trusts one document for every image.
func trusting(document any) object {
	return object{
		"policies":  []any{object{"name": "e2e", "scopes": []string{"*"}, "trust": "e2e"}},
		"documents": object{"e2e": document},
	}
}

// Signed and unsigned images in containers, init containers and ephemeral containers,
// with the digest in the place of the tag.
func baseTest(t *testing.T, w *world) {
	ca, signer := authority(t, "base")
	signed := w.publish(t, "base/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "base/unsigned")
	st := w.stage(t, script{name: "base", data: trusting(ca.TrustDocument()), mutate: true})
	st.untilAdmitted(t, signed.tag, signed.pinned)
	refusal := "[base] Subject failed verification: " + unsigned.pinned + `: policy "e2e": no_signature: no notation signature is attached to ` + unsigned.pinned

	st.admits(t, signed.tag, signed.pinned)
	st.admits(t, signed.pinned, signed.pinned)
	st.refuses(t, unsigned.tag, refusal)
	st.refuses(t, unsigned.pinned, refusal)
	st.refuses(t, w.registry+"/base/nowhere:v1", "not_found")

	with := func(init, main string) object {
		p := pod(st.podName(), main)
		p["spec"].(object)["initContainers"] = []any{object{"name": "init", "image": init}}
		return p
	}
	if got := st.admitsObject(t, with(signed.tag, signed.tag), "{..image}"); got != signed.pinned+" "+signed.pinned {
		t.Errorf("images %s; want twice %s", got, signed.pinned)
	}
	st.refusesObject(t, with(unsigned.tag, signed.tag), refusal)
	st.refusesObject(t, with(signed.tag, unsigned.tag), refusal)

	target := pod("target", signed.tag)
	st.admitsObject(t, target, "{..image}")
	st.kubectl(t, "debug", "-n", st.ns, "target", "--image", signed.tag, "-c", "signed")
	if got := st.kubectl(t, "get", "pod", "-n", st.ns, "target", "-o", "jsonpath={.spec.ephemeralContainers[*].image}"); got != signed.pinned && got != signed.tag {
		t.Errorf("ephemeral containers run %q", got)
	}
	output, err := w.run(t.Context(), nil, w.tools.path("kubectl"), "debug", "-n", st.ns, "target", "--image", unsigned.tag, "-c", "unsigned")
	denied(t, output, err, "[base] Subject failed verification: ", "no_signature")
}
