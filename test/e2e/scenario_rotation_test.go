// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// Both sides get certificates of new CAs while pods are admitted, in the order in which
// an operator must do it: first trust both, then use the new one, then trust only that.
// No signed image is refused meanwhile, and no unsigned one admitted.
func rotationTest(t *testing.T, w *world) {
	ca, signer := authority(t, "rotation")
	signed := w.publish(t, "rotation/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "rotation/unsigned")
	st := w.stage(t, script{name: "rotation", data: trusting(ca.TrustDocument()), mutate: true})
	st.untilAdmitted(t, signed.tag, signed.pinned)
	load := st.startLoad(t, signed, unsigned)

	// opa-ratify's certificate, which Gatekeeper checks by the Provider's caBundle.
	oldCA := st.providerCA
	load.waitFor(t, 20)
	next, err := servetest.NewAuthority("e2e provider, renewed")
	fatal(t, err)
	st.applyProviders(t, append(oldCA.PEM(), next.PEM()...))
	st.untilProvidersAreKnown(t)
	st.providerCA = next
	st.issue(t)
	untilServedBy(t, st.options.Address, next)
	st.reconnect(t, append(oldCA.PEM(), next.PEM()...))
	load.waitFor(t, 20)
	st.applyProviders(t, next.PEM())
	st.untilProvidersAreKnown(t)
	load.waitFor(t, 20)

	// Gatekeeper's certificate, which the API server and opa-ratify check.
	g := w.gatekeeper
	oldGatekeeperCA := g.ca
	newGatekeeperCA, err := servetest.NewAuthority("e2e gatekeeper, renewed")
	fatal(t, err)
	both := append(oldGatekeeperCA.PEM(), newGatekeeperCA.PEM()...)
	w.write(t, "gatekeeper-ca.crt", both)
	w.applyWebhooks(t, webhookSettings{failurePolicy: "Fail", timeout: 10, ca: both})
	load.waitFor(t, 40)
	g.ca = newGatekeeperCA
	g.issue(t)
	untilServedBy(t, g.address, newGatekeeperCA)
	st.reconnect(t, next.PEM())
	load.waitFor(t, 20)
	w.applyWebhooks(t, webhookSettings{failurePolicy: "Fail", timeout: 10})
	w.write(t, "gatekeeper-ca.crt", newGatekeeperCA.PEM())
	st.reconnect(t, next.PEM())
	load.waitFor(t, 40)

	load.stop(t)
	st.admits(t, signed.tag, signed.pinned)
	st.refuses(t, unsigned.tag, "no_signature")
}

// reconnect makes Gatekeeper open new connections, which it otherwise keeps as long as it
// can: it does when a Provider changes, and its timeout is a change like any other.
func (st *stage) reconnect(t *testing.T, ca []byte) {
	t.Helper()
	st.script.patience.verify ^= 1
	st.script.patience.mutate ^= 1
	st.applyProviders(t, ca)
	st.untilProvidersAreKnown(t)
}

// untilProvidersAreKnown waits until Gatekeeper says it has seen the Providers as they
// are now.
func (st *stage) untilProvidersAreKnown(t *testing.T) {
	t.Helper()
	for _, name := range []string{st.own("ratify-provider"), st.own("ratify-mutation-provider")} {
		eventually(t, time.Minute, "Gatekeeper to see "+name, func() error {
			wanted := st.kubectl(t, "get", "provider", name, "-o", "jsonpath={.metadata.generation}")
			seen := st.kubectl(t, "get", "providerpodstatuses", "-n", "gatekeeper-system", "-o",
				`jsonpath={range .items[*]}{.metadata.labels.internal\.gatekeeper\.sh/provider-name}={.status.observedGeneration} {end}`)
			if !strings.Contains(seen, name+"="+wanted+" ") {
				return fmt.Errorf("generation is %s, seen %s", wanted, seen)
			}
			return nil
		})
	}
}

// untilServedBy waits until a TLS server shows a certificate of ca.
func untilServedBy(t *testing.T, address string, ca *servetest.Authority) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	eventually(t, time.Minute, address+" to serve the new certificate", func() error {
		connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13})
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

// rotationLoad asks about pods all the time.
type rotationLoad struct {
	cancel  context.CancelFunc
	workers sync.WaitGroup

	mu       sync.Mutex
	admitted int
	wrong    []error
}

// startLoad asks about a signed and an unsigned image, eight at a time.
func (st *stage) startLoad(t *testing.T, signed, unsigned image) *rotationLoad {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &rotationLoad{cancel: cancel}
	t.Cleanup(cancel)
	for range 4 {
		l.workers.Go(func() { l.ask(ctx, st, signed.tag, http.StatusCreated) })
		l.workers.Go(func() { l.ask(ctx, st, unsigned.tag, http.StatusForbidden) })
	}
	return l
}

func (l *rotationLoad) ask(ctx context.Context, st *stage, image string, want int) {
	for ctx.Err() == nil {
		a, err := st.try(ctx, pod("probe", image))
		if ctx.Err() != nil {
			return
		}
		if err == nil && a.code != want {
			err = fmt.Errorf("%s: %d %s", image, a.code, a.message())
		}
		l.count(err, a.code == http.StatusCreated)
	}
}

func (l *rotationLoad) count(err error, admitted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.wrong = append(l.wrong, err)
	}
	if admitted {
		l.admitted++
	}
}

// waitFor waits for more admissions.
func (l *rotationLoad) waitFor(t *testing.T, more int) {
	t.Helper()
	start := l.total()
	eventually(t, time.Minute, "more pods to be admitted", func() error {
		if l.total() < start+more {
			return errors.New("too few")
		}
		return nil
	})
}

func (l *rotationLoad) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.admitted
}

// stop ends the load; nothing may have gone wrong.
func (l *rotationLoad) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.workers.Wait()
	t.Logf("%d pods were admitted during the rotation", l.admitted)
	if len(l.wrong) > 0 {
		t.Errorf("%d wrong answers during the rotation; the first: %v", len(l.wrong), l.wrong[0])
	}
}
