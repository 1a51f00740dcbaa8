// SPDX-License-Identifier: Apache-2.0

package rotation_test

import (
	"strings"
	"testing"
	"time"
)

// At the start nothing is served, so the first certificate is served as soon as the
// Provider trusts it, and not before.
func TestFirstCertificateIsServedWhenItIsTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if w.follow(t) {
		t.Error("the files are complete before there is a certificate")
	}
	certificate := w.renewed(t, w.newCA(t))
	if w.follow(t) {
		t.Error("the files are complete before the Provider trusts the CA")
	}
	w.injected(t)
	if !w.follow(t) {
		t.Error("the files are not complete")
	}
	w.serves(t, certificate)
}

// What another CA has signed is served when the Provider has trusted that for a while.
func TestNextCertificateWaitsUntilTheProviderHasSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.follow(t)
	first := w.renewed(t, w.newCA(t))
	w.injected(t)
	w.follow(t)
	w.now = w.now.Add(24 * time.Hour)
	second := w.renewed(t, w.newCA(t))
	for range 3 {
		w.now = w.now.Add(time.Minute)
		w.follow(t)
		w.serves(t, first)
	}
	w.injected(t)
	w.follow(t)
	w.serves(t, first)
	w.now = w.now.Add(w.options.Settle)
	w.follow(t)
	w.serves(t, second)
}

// Where what is served is not accepted any longer, there is nothing to wait for.
func TestUntrustedCertificateIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.follow(t)
	w.renewed(t, w.newCA(t))
	w.injected(t)
	w.follow(t)
	w.now = w.now.Add(2 * w.options.Validity)
	second := w.renewed(t, w.newCA(t))
	w.injected(t)
	w.follow(t)
	w.serves(t, second)
}

// A renewed CA is trusted beside the former one, which is forgotten after a while.
func TestFormerCAStaysForTheOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.follow(t)
	first, second := w.newCA(t), w.newCA(t)
	w.renewed(t, first)
	w.injected(t)
	w.renewed(t, second)
	bundled(t, string(w.secret(t).Data["ca.crt"]), second, first)
	w.injected(t)
	w.now = w.now.Add(w.options.Overlap - time.Second)
	w.follow(t)
	bundled(t, string(w.secret(t).Data["ca.crt"]), second, first)
	w.now = w.now.Add(time.Second)
	w.follow(t)
	bundled(t, string(w.secret(t).Data["ca.crt"]), second)
}

// A Secret that is deleted is made again, and the Provider goes on trusting what is
// still served.
func TestDeletedSecretIsMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.follow(t)
	first := w.newCA(t)
	certificate := w.renewed(t, first)
	w.injected(t)
	w.follow(t)
	fatal(t, w.client.Delete(t.Context(), w.secret(t)))
	w.follow(t)
	w.serves(t, certificate)
	second := w.newCA(t)
	w.renewed(t, second)
	bundled(t, string(w.secret(t).Data["ca.crt"]), second, first)
}

// An expired CA, such as the one of a chart that was just installed, is not kept, and
// however many there were, the bundle is bounded.
func TestBundleHoldsWhatCanBeOfUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.follow(t)
	w.options.CAValidity, w.options.Validity = -time.Minute, -time.Minute
	w.renewed(t, w.newCA(t))
	w.injected(t)
	w.options.CAValidity, w.options.Validity = 24*time.Hour, time.Hour
	current := w.newCA(t)
	w.renewed(t, current)
	bundled(t, string(w.secret(t).Data["ca.crt"]), current)
	for range 10 {
		w.injected(t)
		w.renewed(t, w.newCA(t))
	}
	if got := strings.Count(string(w.secret(t).Data["ca.crt"]), "BEGIN CERTIFICATE"); got != 8 {
		t.Errorf("%d CAs; want the current one and 7 others", got)
	}
}

// Gatekeeper shows its former certificate until its pods have the new one.
func TestGatekeepersFormerCAStaysForTheOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.newCA(t), w.newCA(t)
	w.gatekeeperHas(t, first)
	w.follow(t)
	bundled(t, w.file(t, "gatekeeper-ca.crt"), first)
	w.now = w.now.Add(24 * time.Hour)
	w.gatekeeperHas(t, second)
	w.follow(t)
	bundled(t, w.file(t, "gatekeeper-ca.crt"), second, first)
	w.now = w.now.Add(w.options.Overlap)
	w.follow(t)
	bundled(t, w.file(t, "gatekeeper-ca.crt"), second)
}

// What Gatekeeper has not written yet, or writes wrongly, leaves the last good CA.
func TestGatekeepersSecretMissingOrEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ca := w.newCA(t)
	w.gatekeeperHas(t, ca)
	w.follow(t)
	garbage := *ca
	garbage.CertPEM = []byte("no certificate")
	w.gatekeeperHas(t, &garbage)
	_, err := w.step(t.Context(), w.now)
	if err == nil || !strings.Contains(err.Error(), "Secret gatekeeper/gatekeeper-webhook-server-cert has no certificate in ca.crt") {
		t.Errorf("got the error %v", err)
	}
	bundled(t, w.file(t, "gatekeeper-ca.crt"), ca)
}
