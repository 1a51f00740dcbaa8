// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// stage is a registry with images, and the files that roles read.
type stage struct {
	dir                 string
	certificates        servetest.Certificates
	good, bad, unsigned string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	dir := t.TempDir()
	certificates, err := servetest.NewCertificates(dir)
	check(t, err)
	ca, signer, err := newSigner()
	check(t, err)
	_, stranger, err := newSigner()
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "roots.pem"), ca.PEM(), 0o600))
	registry := registrytest.Start(t, registrytest.Options{})
	push := func(tag string, signers ...*signtest.Signer) string {
		desc, err := registry.PushImage(t.Context(), "app", tag)
		check(t, err)
		for _, s := range signers {
			_, err := s.SignAndAttach(t.Context(), registry, "app", desc, signtest.SignOptions{})
			check(t, err)
		}
		return registry.Host() + "/app:" + tag
	}
	return &stage{dir, certificates, push("good", signer), push("bad", stranger), push("unsigned")}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start plays a server's role until the test ends.
func (st *stage) start(t *testing.T, role string, args ...string) *system {
	t.Helper()
	c := st.certificates
	stdin, leave := io.Pipe()
	stdout, printed := io.Pipe()
	played := make(chan error, 1)
	go func() {
		played <- play(context.Background(), role, append([]string{"-ca", c.CA, "-cert", c.ServerCert, "-key", c.ServerKey}, args...), stdin, printed)
	}()
	t.Cleanup(func() {
		check(t, leave.Close())
		check(t, <-played)
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	check(t, err)
	client, err := newClient(c)
	check(t, err)
	return &system{name: role, url: strings.TrimSpace(url), client: client}
}

func TestYardstickServes(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	s := st.start(t, roleYardstick, "-roots", filepath.Join(st.dir, "roots.pem"))
	if _, err := s.admitted(t.Context(), st.good, st.good); err != nil {
		t.Error(err)
	}
	for _, image := range []string{st.bad, st.unsigned} {
		if _, err := s.admitted(t.Context(), image); err == nil || !strings.Contains(err.Error(), "rejected") {
			t.Errorf("%s: %v", image, err)
		}
	}
}

func TestFloorServes(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	file := filepath.Join(st.dir, "answer.json")
	check(t, os.WriteFile(file, []byte(`{"response": {"items": [{"key": "a", "value": {"isSuccess":true}}]}}`), 0o600))
	s := st.start(t, roleFloor, "-answer", file)
	if _, err := s.admitted(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	check(t, s.same(t.Context(), question([]string{"a"}), 1))
	if err := s.same(t.Context(), question([]string{"a", "b"}), 2); err == nil {
		t.Error("one item passed for two")
	}
}

// A floor that lets everybody in would be lower than the product's.
func TestServersDemandCertificates(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	s := st.start(t, roleYardstick, "-roots", filepath.Join(st.dir, "roots.pem"))
	transport, _ := s.client.Transport.(*http.Transport)
	transport.TLSClientConfig.Certificates = nil
	if _, err := s.ask(t.Context(), st.good); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Error(err)
	}
}

func TestYardstickAsCommandLine(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	var out strings.Builder
	roots := filepath.Join(st.dir, "roots.pem")
	check(t, play(t.Context(), roleOnce, []string{"-roots", roots, st.good}, nil, &out))
	if !strings.HasPrefix(out.String(), "sha256:") {
		t.Errorf("printed %q", out.String())
	}
	if err := play(t.Context(), roleOnce, []string{"-roots", roots, st.bad}, nil, &out); err == nil {
		t.Error("a stranger's signature was accepted")
	}
}
