// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// Two opa-ratify-certs, as beside two replicas and with the rights that the chart gives
// them, replace CA and certificate as they expire, when they start anew and when the
// Secret is deleted, and follow Gatekeeper's CA. No signed image is refused meanwhile,
// and no unsigned one admitted.
func rotatorTest(t *testing.T, w *world) {
	ca, signer := authority(t, "rotator")
	signed := w.publish(t, "rotator/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "rotator/unsigned")
	st := w.prepare(t, script{name: "ratify", data: trusting(ca.TrustDocument()), mutate: true})
	r := st.newRotators(t)
	r.start(t, "--ca-validity", "40s", "--validity", "30s", "--renew-before", "15s", "--check-every", "1s")
	st.serve(t)
	st.enforce(t)
	st.untilAdmitted(t, signed.tag, signed.pinned)
	load := st.startLoad(t, signed, unsigned)

	for range 3 {
		r.untilAnotherCA(t)
		load.waitFor(t, 20)
	}
	r.stop()
	r.start(t) // what is there expires too soon for the times that are shipped
	r.untilAnotherCA(t)
	load.waitFor(t, 20)

	st.kubectl(t, "delete", "secret", "ratify-tls", "-n", st.ns)
	r.untilAnotherCA(t)
	load.waitFor(t, 20)
	r.untilOneCA(t)
	load.waitFor(t, 20)

	r.replaceGatekeepersCA(t, load)
	load.stop(t)
	st.admits(t, signed.tag, signed.pinned)
	st.refuses(t, unsigned.tag, "no_signature")
	r.report(t)
}

// rotators are opa-ratify-certs beside each of two replicas, of which one serves.
type rotators struct {
	*stage

	dirs       []string
	kubeconfig string
	running    []*process
	seen       string // the CA that signed what was served last
}

// newRotators prepares what the chart installs, and has opa-ratify serve what the first
// one writes.
func (st *stage) newRotators(t *testing.T) *rotators {
	t.Helper()
	r := &rotators{stage: st, dirs: []string{filepath.Join(st.dir, "rotated-0"), filepath.Join(st.dir, "rotated-1")}}
	for _, dir := range r.dirs {
		fatal(t, os.MkdirAll(dir, 0o700))
	}
	st.certificates.ServerCert, st.certificates.ServerKey = filepath.Join(r.dirs[0], "tls.crt"), filepath.Join(r.dirs[0], "tls.key")
	st.certificates.CA = filepath.Join(r.dirs[0], "gatekeeper-ca.crt")
	st.options.Address = strings.Replace(st.options.Address, "127.0.0.1", "localhost", 1)
	if i := slices.Index(st.options.Args, "--tls-cert-refresh-period"); i >= 0 { // the chart has OPA watch the files
		st.options.Args = slices.Delete(st.options.Args, i, i+2)
	}
	roles := chartRoles(t)
	t.Cleanup(func() { st.withdraw(t, roles...) })
	st.apply(t, roles...)
	st.apply(t, object{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": object{"name": "ratify-admin", "namespace": st.ns}})
	st.showGatekeepersCA(t)
	nobody, err := os.ReadFile(absolute(t, servetest.Product, "charts", "opa-ratify", "files", "nobody.crt"))
	fatal(t, err)
	st.applyProviders(t, nobody) // as the chart does: Gatekeeper takes no Provider without a CA
	token := strings.TrimSpace(st.kubectl(t, "create", "token", "ratify-admin", "-n", st.ns, "--duration", "24h"))
	r.kubeconfig = st.writeKubeconfig(t, "rotator.kubeconfig", object{"token": token})
	return r
}

// chartRoles are those that the chart makes for opa-ratify-certs, from its golden file.
func chartRoles(t *testing.T) []object {
	t.Helper()
	archive, err := txtar.ParseFile(absolute(t, servetest.Product, "test", "charts", "testdata", "golden", "rotation.txtar"))
	fatal(t, err)
	var roles []object
	for _, file := range archive.Files {
		if kind, name, _ := strings.Cut(file.Name, " "); strings.Contains(kind, "Role") && strings.Contains(name, "ratify-certs") {
			var o object
			fatal(t, yaml.Unmarshal(file.Data, &o))
			roles = append(roles, o)
		}
	}
	if len(roles) != 6 {
		t.Fatalf("the chart makes %d roles and bindings; there were 6", len(roles))
	}
	return roles
}

// showGatekeepersCA writes the Secret that Gatekeeper's own rotation would.
func (w *world) showGatekeepersCA(t *testing.T) {
	t.Helper()
	w.apply(t, object{
		"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "gatekeeper-webhook-server-cert", "namespace": "gatekeeper-system"},
		"data": object{"ca.crt": w.gatekeeper.ca.PEM()},
	})
}

// start starts both, and waits for the files of the first.
func (r *rotators) start(t *testing.T, times ...string) {
	t.Helper()
	for i, dir := range r.dirs {
		args := append([]string{
			"--namespace", r.ns, "--secret", "ratify-tls", "--dns-name", "localhost", "--provider", "ratify-provider,ratify-mutation-provider",
			"--dir", dir, "--gatekeeper-namespace", "gatekeeper-system", "--interval", "500ms", "--settle", "2s", "--overlap", "15s",
		}, times...)
		r.running = append(r.running, r.world.start(t, fmt.Sprintf("certs-%d", i), "../opa-ratify-certs", []string{"KUBECONFIG=" + r.kubeconfig}, args...))
	}
	eventually(t, time.Minute, "certificates", func() error {
		_, err := os.Stat(r.certificates.ServerCert)
		return err
	})
}

func (r *rotators) stop() {
	for _, p := range r.running {
		p.stop()
	}
	r.running = nil
}

// untilAnotherCA waits until opa-ratify serves what another CA has signed.
func (r *rotators) untilAnotherCA(t *testing.T) {
	t.Helper()
	eventually(t, 2*time.Minute, "a certificate of another CA", func() error {
		connection, err := tls.Dial("tcp", r.options.Address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return err
		}
		defer connection.Close()
		signedBy := string(connection.ConnectionState().PeerCertificates[0].AuthorityKeyId)
		if signedBy == r.seen {
			return errors.New("it is the same")
		}
		r.seen = signedBy
		return nil
	})
}

// untilOneCA waits until no former CA is trusted.
func (r *rotators) untilOneCA(t *testing.T) {
	t.Helper()
	for _, name := range []string{"ratify-provider", "ratify-mutation-provider"} {
		eventually(t, time.Minute, "one CA in "+name, func() error {
			return certificatesIn([]byte(r.kubectl(t, "get", "provider", name, "-o", "go-template={{base64decode .spec.caBundle}}")), 1)
		})
	}
}

// certificatesIn says how many there are if they are not as many as wanted.
func certificatesIn(text []byte, wanted int) error {
	found := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return err
		}
		found++
	}
	if found != wanted {
		return fmt.Errorf("%d certificates; wanted %d", found, wanted)
	}
	return nil
}

// replaceGatekeepersCA does what Gatekeeper's rotation does: the Secret first, and then,
// when its pods see that, the certificate that is served and shown.
func (r *rotators) replaceGatekeepersCA(t *testing.T, load *rotationLoad) {
	t.Helper()
	g := r.gatekeeper
	former := g.ca.PEM()
	var err error
	g.ca, err = servetest.NewAuthority("e2e gatekeeper, rotated")
	fatal(t, err)
	r.applyWebhooks(t, webhookSettings{failurePolicy: "Fail", timeout: 10, ca: append(former, g.ca.PEM()...)})
	load.waitFor(t, 20)
	r.showGatekeepersCA(t)
	r.untilClientCAs(t, 2)
	g.issue(t)
	untilServedBy(t, g.address, g.ca)
	r.askAnew(t, 7)
	load.waitFor(t, 20)
	r.untilClientCAs(t, 1)
	r.askAnew(t, 8)
	load.waitFor(t, 20)
	r.applyWebhooks(t, webhookSettings{failurePolicy: "Fail", timeout: 10})
	r.write(t, "gatekeeper-ca.crt", g.ca.PEM())
	load.waitFor(t, 20)
}

func (r *rotators) untilClientCAs(t *testing.T, wanted int) {
	t.Helper()
	eventually(t, time.Minute, "Gatekeeper's CAs", func() error {
		text, err := os.ReadFile(r.certificates.CA)
		return errors.Join(err, certificatesIn(text, wanted))
	})
}

// askAnew makes Gatekeeper open new connections: it does when a Provider changes.
func (r *rotators) askAnew(t *testing.T, timeout int) {
	t.Helper()
	for _, name := range []string{"ratify-provider", "ratify-mutation-provider"} {
		r.kubectl(t, "patch", "provider", name, "--type", "merge", "-p", fmt.Sprintf(`{"spec":{"timeout":%d}}`, timeout))
	}
	r.untilProvidersAreKnown(t)
}

// report says what the rotators took, and fails if a right was missing.
func (r *rotators) report(t *testing.T) {
	t.Helper()
	for i, p := range r.running {
		log, err := os.ReadFile(filepath.Join(r.world.dir, p.name+".log"))
		fatal(t, err)
		if strings.Contains(string(log), "forbidden") {
			t.Errorf("%s.log: opa-ratify-certs lacks a right", p.name)
		}
		t.Logf("%s: %d refreshes by replica %d, RSS %d MiB", p.name, strings.Count(string(log), "server certs refreshed"), i, servetest.ResidentBytes(p.cmd.Process.Pid)>>20)
	}
}
