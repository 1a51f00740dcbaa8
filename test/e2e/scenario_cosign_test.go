// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"testing"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// Signatures by a key: under tags as cosign v2 writes them, and in bundles as v3 does.
func cosignTest(t *testing.T, w *world) {
	key, err := sigstore.NewKey(sigstore.KeyOptions{})
	fatal(t, err)
	other, err := sigstore.NewKey(sigstore.KeyOptions{})
	fatal(t, err)
	tag := w.publish(t, "cosign/tag", cosign(key, sigstore.SignOptions{Layout: sigstore.Tag}))
	bundle := w.publish(t, "cosign/bundle", cosign(key, sigstore.SignOptions{Layout: sigstore.Bundle}))
	byOther := w.publish(t, "cosign/other", cosign(other, sigstore.SignOptions{Layout: sigstore.Tag}))
	attested := w.publish(t, "cosign/attested", cosign(key, sigstore.SignOptions{PredicateType: "https://slsa.dev/provenance/v1"}))
	unsigned := w.publish(t, "cosign/unsigned")
	st := w.stage(t, script{name: "cosign", data: trusting(key.TrustDocument())})

	st.admits(t, tag.tag, tag.tag)
	st.admits(t, bundle.tag, bundle.tag)
	for _, bad := range []image{byOther, attested, unsigned} {
		st.refuses(t, bad.tag, "[cosign] Subject failed verification: "+bad.tag)
	}
}

// Signatures by the identity of a build, logged, without any key to keep.
func keylessTest(t *testing.T, w *world) {
	instance, err := sigstore.NewInstance(sigstore.InstanceOptions{})
	fatal(t, err)
	release, err := instance.Certify(sigstore.GitHub("acme/app", "release.yml", "refs/heads/main"))
	fatal(t, err)
	branch, err := instance.Certify(sigstore.GitHub("acme/app", "release.yml", "refs/heads/topic"))
	fatal(t, err)
	elsewhere, err := sigstore.NewInstance(sigstore.InstanceOptions{})
	fatal(t, err)
	pretender, err := elsewhere.Certify(sigstore.GitHub("acme/app", "release.yml", "refs/heads/main"))
	fatal(t, err)
	good := w.publish(t, "keyless/release", cosign(release, sigstore.SignOptions{}))
	old := w.publish(t, "keyless/tag", cosign(release, sigstore.SignOptions{Layout: sigstore.Tag}))
	byBranch := w.publish(t, "keyless/branch", cosign(branch, sigstore.SignOptions{}))
	byPretender := w.publish(t, "keyless/pretender", cosign(pretender, sigstore.SignOptions{}))
	st := w.stage(t, script{name: "keyless", data: trusting(instance.TrustDocument(release.Identity()))})

	st.admits(t, good.tag, good.tag)
	st.admits(t, old.tag, old.tag)
	st.refuses(t, byBranch.tag, "untrusted_identity")
	st.refuses(t, byPretender.tag, "[keyless] Subject failed verification: ")
}
