// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// Gatekeeper may keep answers itself. A denial is an answer: who signs afterwards waits
// for its end. A system error is none: nothing of an outage is kept.
func cacheTest(t *testing.T, w *world) {
	ca, signer := authority(t, "cache")
	first := w.publish(t, "cache/first", notation(signer, signtest.SignOptions{}))
	late := w.publish(t, "cache/late")
	w.gatekeeper.stop()
	w.runGatekeeper(t, "10s")
	st := w.stage(t, script{name: "cache", data: trusting(ca.TrustDocument()), config: object{"cache": object{"referrers_ttl": "0s", "report_bytes": 0}}})

	st.provider.Stop()
	st.refuses(t, first.tag, "connection refused")
	st.serve(t)
	st.admits(t, first.tag, first.tag)

	st.refuses(t, late.tag, "no_signature")
	w.push(t, w.registry, "cache/late", late.desc, notation(signer, signtest.SignOptions{}))
	if a, err := st.try(t.Context(), pod("probe", late.tag)); err != nil || a.code != http.StatusForbidden {
		t.Errorf("Gatekeeper does not keep the denial: %d %v", a.code, err)
	}
	st.untilAdmitted(t, late.tag, late.tag)
	st.provider.Stop()
	st.admits(t, late.tag, late.tag) // from Gatekeeper's cache

	w.gatekeeper.stop()
	w.runGatekeeper(t, "0s")
}

// When Gatekeeper itself hangs, the webhooks' failurePolicy decides: as shipped by
// Gatekeeper, Ignore, it admits whatever comes. bundles/gatekeeper says to set Fail.
func failurePolicyTest(t *testing.T, w *world) {
	ca, signer := authority(t, "failurepolicy")
	signed := w.publish(t, "failurepolicy/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "failurepolicy/unsigned")
	st := w.stage(t, script{name: "failurepolicy", data: trusting(ca.TrustDocument())})
	st.refuses(t, unsigned.tag, "no_signature")

	w.applyWebhooks(t, webhookSettings{failurePolicy: "Fail", timeout: 1})
	w.gatekeeper.signal(t, syscall.SIGSTOP)
	for _, each := range []image{signed, unsigned} {
		output, err := st.runPod(t, each.tag)
		if err == nil || !strings.Contains(output, "failed calling webhook") {
			t.Errorf("kubectl run %s: %v\n%s\nwanted the API server to refuse", each.tag, err, output)
		}
	}
	w.applyWebhooks(t, webhookSettings{failurePolicy: "Ignore", timeout: 1})
	st.untilAdmitted(t, unsigned.tag, unsigned.tag) // that is the danger

	w.gatekeeper.signal(t, syscall.SIGCONT)
	w.applyWebhooks(t, webhookSettings{failurePolicy: "Fail", timeout: 10})
	st.untilRefused(t, unsigned.tag, "no_signature")
	st.admits(t, signed.tag, signed.tag)
}
