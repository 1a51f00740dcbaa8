// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"syscall"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// defaults are the timeouts that are shipped.
var defaults = patience{verify: 3, mutate: 1}

// A provider that is not there admits nothing, and one that comes back is asked again:
// no denial outlives the reason for it.
func providerDownTest(t *testing.T, w *world) {
	ca, signer := authority(t, "down")
	signed := w.publish(t, "down/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "down/unsigned")
	st := w.stage(t, script{name: "down", data: trusting(ca.TrustDocument())})
	st.admits(t, signed.tag, signed.tag)

	st.provider.Kill()
	st.refuses(t, signed.tag, "[down] System error calling external data provider: ", "connection refused")
	st.refuses(t, unsigned.tag, "[down] System error calling external data provider: ")
	st.serve(t)
	st.admits(t, signed.tag, signed.tag)
	st.refuses(t, unsigned.tag, "no_signature")

	st.provider.Stop() // orderly, as in a rollout of one replica
	st.refuses(t, signed.tag, "connection refused")
	st.serve(t)
	st.admits(t, signed.tag, signed.tag)
}

// A provider that hangs: the constraint refuses, before the webhook's time is up.
func providerHangsTest(t *testing.T, w *world) {
	ca, signer := authority(t, "hangs")
	signed := w.publish(t, "hangs/signed", notation(signer, signtest.SignOptions{}))
	st := w.stage(t, script{name: "hangs", data: trusting(ca.TrustDocument()), patience: defaults})
	st.admits(t, signed.tag, signed.tag)

	fatal(t, st.provider.Signal(syscall.SIGSTOP))
	st.refuses(t, signed.tag, "[hangs] System error calling external data provider: ", "context deadline exceeded")
	fatal(t, st.provider.Signal(syscall.SIGCONT))
	st.admits(t, signed.tag, signed.tag)
}

// A registry that hangs or is gone: the provider says so in time, and nobody remembers.
func registrySlowTest(t *testing.T, w *world) {
	ca, signer := authority(t, "slow")
	registry, olareg := w.startOlareg(t, "olareg-slow")
	subject, err := w.scratch.PushImage(t.Context(), "slow/signed", "v1")
	fatal(t, err)
	signed := w.push(t, registry, "slow/signed", subject, notation(signer, signtest.SignOptions{}))
	st := w.stage(t, script{
		name: "slow", data: trusting(ca.TrustDocument()), patience: defaults,
		config: object{"cache": object{"report_bytes": 0, "referrers_ttl": "0s", "tag_ttl": "0s"}},
	})
	st.admits(t, signed.tag, signed.tag)

	olareg.signal(t, syscall.SIGSTOP)
	st.refuses(t, signed.tag, "[slow] System error calling external data provider: ", "timeout at ")
	olareg.signal(t, syscall.SIGCONT)
	st.untilAdmitted(t, signed.tag, signed.tag)
	olareg.stop()
	st.refuses(t, signed.tag, "[slow] System error calling external data provider: ", "connection refused")
}
