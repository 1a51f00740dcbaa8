// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// `--dry-run=server` asks as the real thing does, and makes nothing.
func serverDryRunTest(t *testing.T, w *world) {
	ca, signer := authority(t, "serverdryrun")
	signed := w.publish(t, "serverdryrun/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "serverdryrun/unsigned")
	st := w.stage(t, script{name: "serverdryrun", data: trusting(ca.TrustDocument()), mutate: true})
	st.untilAdmitted(t, signed.tag, signed.pinned)

	output, err := st.runPod(t, unsigned.tag, "--dry-run=server")
	denied(t, output, err, "[serverdryrun] Subject failed verification: ")
	output, err = st.runPod(t, signed.tag, "--dry-run=server", "-o", "jsonpath={..image}")
	if err != nil || output != signed.pinned {
		t.Errorf("kubectl run --dry-run=server: %v %s", err, output)
	}
	if got := w.kubectl(t, "get", "pods", "-n", st.ns, "-o", "name"); got != "" {
		t.Errorf("there are %s", got)
	}
}

// enforcementAction warn admits and tells the user.
func warnTest(t *testing.T, w *world) {
	ca, signer := authority(t, "warn")
	signed := w.publish(t, "warn/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "warn/unsigned")
	st := w.stage(t, script{name: "warn", data: trusting(ca.TrustDocument()), enforce: "warn"})
	const warning = "[warn] Subject failed verification: "
	st.until(t, "a warning", unsigned.tag, func(a answer) bool {
		return a.code == http.StatusCreated && strings.Contains(a.warning, warning)
	})

	output, err := st.runPod(t, unsigned.tag)
	if err != nil || !strings.Contains(output, "Warning: "+warning) || !strings.Contains(output, "no_signature") {
		t.Errorf("kubectl run: %v\n%s", err, output)
	}
	if output, err = st.runPod(t, signed.tag); err != nil || strings.Contains(output, "Warning") {
		t.Errorf("kubectl run: %v\n%s", err, output)
	}
}

// enforcementAction dryrun admits silently; Gatekeeper's audit reports what runs.
func auditTest(t *testing.T, w *world) {
	ca, signer := authority(t, "audit")
	signed := w.publish(t, "audit/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "audit/unsigned")
	st := w.stage(t, script{name: "audit", data: trusting(ca.TrustDocument()), enforce: "dryrun"})
	st.admits(t, unsigned.tag, unsigned.tag)
	st.admits(t, signed.tag, signed.tag)

	eventually(t, time.Minute, "Gatekeeper's audit to report the unsigned pod, and only that", func() error {
		status := w.kubectl(t, "get", "ratifyverification", "audit", "-o", `jsonpath={range .status.violations[*]}{.enforcementAction} {.kind}/{.name} {.message}{"\n"}{end}`)
		if strings.Count(status, "\n") != 1 || !strings.Contains(status, "dryrun Pod/pod-1 Subject failed verification: "+unsigned.tag) {
			return errors.New(status)
		}
		return nil
	})
}
