// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// scoped is the data of a bundle with a trust document for each repository.
func (w *world) scoped(documents map[string]any) object {
	var policies []any
	for repo, document := range documents {
		policies = append(policies, object{"name": repo, "scopes": []string{w.registry + "/" + repo}, "trust": document})
	}
	return object{"policies": policies}
}

// Notary signatures in both envelopes; by a stranger, expired, and of another image.
func notationTest(t *testing.T, w *world) {
	ca, signer := authority(t, "notation")
	_, stranger := authority(t, "stranger")
	jws := w.publish(t, "notation/jws", notation(signer, signtest.SignOptions{}))
	cose := w.publish(t, "notation/cose", notation(signer, signtest.SignOptions{Format: signtest.COSE}))
	both := w.publish(t, "notation/both", notation(stranger, signtest.SignOptions{}), notation(signer, signtest.SignOptions{}))
	byStranger := w.publish(t, "notation/stranger", notation(stranger, signtest.SignOptions{}))
	expired := w.publish(t, "notation/expired", notation(signer, signtest.SignOptions{SigningTime: time.Now().Add(-48 * time.Hour), Expiry: time.Hour}))
	copied := w.publish(t, "notation/copied", notation(signer, signtest.SignOptions{TargetOverride: &jws.desc}))
	unsigned := w.publish(t, "notation/unsigned")
	st := w.stage(t, script{name: "notation", data: trusting(ca.TrustDocument(signer.Identity()))})

	for _, good := range []image{jws, cose, both} {
		st.admits(t, good.tag, good.tag)
		st.admits(t, good.pinned, good.pinned)
	}
	st.refuses(t, byStranger.tag, "untrusted_certificate")
	st.refuses(t, expired.tag, "expired: ")
	st.refuses(t, copied.tag, "subject_mismatch")
	st.refuses(t, unsigned.tag, "no_signature")
}

// A certificate that has expired since is good if a timestamp proves that it signed
// before; without one, and without a trusted authority for them, it is not.
func timestampTest(t *testing.T, w *world) {
	yesterday := func() time.Time { return time.Now().Add(-24 * time.Hour) }
	ca, _ := authority(t, "timestamp")
	signer, err := ca.Leaf(signtest.LeafOptions{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	fatal(t, err)
	tsa := signtest.StartTSA(t, signtest.TSAOptions{Now: yesterday})
	stamped := notation(signer, signtest.SignOptions{SigningTime: yesterday(), TSA: tsa})
	good := w.publish(t, "timestamp/good", stamped)
	untrusted := w.publish(t, "timestamp/untrusted", stamped)
	bare := w.publish(t, "timestamp/bare", notation(signer, signtest.SignOptions{SigningTime: yesterday()}))

	trustsClock := ca.TrustDocument()
	document := trustsClock["notation"].(object)
	policy := document["trust_policy"].(object)["trustPolicies"].([]any)[0].(object)
	policy["trustStores"] = []string{"ca:acme", "tsa:clock"}
	document["trust_stores"].(object)["tsa:clock"] = []string{string(tsa.CA.PEM())}
	st := w.stage(t, script{name: "timestamp", data: w.scoped(map[string]any{
		"timestamp/good": trustsClock, "timestamp/bare": trustsClock, "timestamp/untrusted": ca.TrustDocument(),
	})})

	st.admits(t, good.tag, good.tag)
	st.refuses(t, bare.tag, "missing_timestamp")
	st.refuses(t, untrusted.tag, "expired", "no tsa store")
}

// A revoked certificate by its CRL: noted at level audit, refused at level strict.
func crlTest(t *testing.T, w *world) {
	ca, _ := authority(t, "crl")
	crl := signtest.StartRevocation(t, ca)
	ca.CRL = crl.CRL
	good, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	revoked, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	crl.Revoke(revoked.Cert().SerialNumber, time.Now().Add(-time.Hour))
	audited := w.publish(t, "crl/audit", notation(revoked, signtest.SignOptions{}))
	refused := w.publish(t, "crl/strict", notation(revoked, signtest.SignOptions{}))
	admitted := w.publish(t, "crl/good", notation(good, signtest.SignOptions{}))

	strict, audit := ca.TrustDocument(), ca.TrustDocument()
	audit["notation"].(object)["trust_policy"].(object)["trustPolicies"].([]any)[0].(object)["signatureVerification"] = object{"level": "audit"}
	st := w.stage(t, script{
		name:   "crl",
		data:   w.scoped(map[string]any{"crl/audit": audit, "crl/strict": strict, "crl/good": strict}),
		config: object{"outbound": object{"allow": []string{"127.0.0.0/8"}}},
	})

	st.admits(t, audited.tag, audited.tag)
	st.admits(t, admitted.tag, admitted.tag)
	st.refuses(t, refused.tag, "revoked")
	if _, lists := crl.Requests(); lists == 0 {
		t.Error("nobody asked for the CRL")
	}
}

// The root in the trust store vouches for what its leaves signed. A leaf there vouches
// for itself alone: Ratify refuses such a store, here it pins one signer.
func leafTest(t *testing.T, w *world) {
	ca, signer := authority(t, "leaf")
	sibling, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	root := w.publish(t, "leaf/root", notation(signer, signtest.SignOptions{}))
	pinned := w.publish(t, "leaf/pinned/own", notation(signer, signtest.SignOptions{}))
	other := w.publish(t, "leaf/pinned/sibling", notation(sibling, signtest.SignOptions{}))
	byLeaf := ca.TrustDocument()
	byLeaf["notation"].(object)["trust_stores"] = object{"ca:acme": []string{string((&signtest.Signer{Chain: signer.Chain[:1]}).PEM())}}
	st := w.stage(t, script{name: "leaf", data: w.scoped(map[string]any{"leaf/root": ca.TrustDocument(), "leaf/pinned": byLeaf})})

	st.admits(t, root.tag, root.tag)
	st.admits(t, pinned.tag, pinned.tag)
	st.refuses(t, other.tag, "untrusted_certificate")
}
