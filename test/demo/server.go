// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"gopkg.in/yaml.v3"
)

const verifyPath = "/ratify/gatekeeper/v1/verify"

// server is the real binary, running.
type server struct {
	url, binary, bundle string
	certs               certificates
	client              *http.Client
	process             *exec.Cmd
	exited              chan error
	output              *bytes.Buffer
}

// writeBundle copies bundles/default and fills in its one YAML file, as its
// README tells a user to.
func writeBundle(dir string, trust map[string]any) (string, error) {
	bundle := filepath.Join(dir, "bundle")
	if err := os.CopyFS(bundle, os.DirFS(filepath.Join("bundles", "default"))); err != nil {
		return "", err
	}
	raw, err := yaml.Marshal(map[string]any{"policies": []any{
		map[string]any{"name": "release", "scopes": []string{"*"}, "trust": trust},
	}})
	if err != nil {
		return "", err
	}
	return bundle, os.WriteFile(filepath.Join(bundle, "trust", "data.yaml"), raw, 0o600)
}

// startServer runs opa-ratify as a sidecar of Gatekeeper would be run, and waits
// until it is ready.
func startServer(ctx context.Context, certs certificates, bundle string) (*server, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	diagnostic, err := freeAddress()
	if err != nil {
		return nil, err
	}
	binary, err := filepath.Abs(filepath.Join("bin", "opa-ratify"))
	if err != nil {
		return nil, err
	}
	s := &server{url: "https://" + listen, binary: binary, bundle: bundle, certs: certs, exited: make(chan error, 1), output: &bytes.Buffer{}}
	s.process = exec.Command(binary, "run", "--server", //nolint:gosec,noctx // our own binary; stop ends it
		"--addr", s.url, "--diagnostic-addr", "http://"+diagnostic, "--log-level", "error",
		"--tls-cert-file", certs.serverCert, "--tls-private-key-file", certs.serverKey,
		"--tls-ca-cert-file", certs.ca, "--authentication", "tls", "--min-tls-version", "1.3",
		"-b", bundle)
	s.process.Stdout, s.process.Stderr = s.output, s.output
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the demo, which then ends it
	if s.client, err = certs.client(); err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start %s (run make build first): %w", binary, err)
	}
	go func() { s.exited <- s.process.Wait() }()
	if err := s.ready(ctx, "http://"+diagnostic+"/health?bundles&plugins"); err != nil {
		s.stop()
		return nil, fmt.Errorf("%w\n%s", err, s.output)
	}
	return s, nil
}

// ready polls the health endpoint.
func (s *server) ready(ctx context.Context, health string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-s.exited:
			s.exited <- err
			return fmt.Errorf("the server ended at once: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("the server did not get ready: %w", ctx.Err())
		case <-tick.C:
			if healthy(ctx, health) {
				return nil
			}
		}
	}
}

func healthy(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// wait returns when the server ends or the person interrupts.
func (s *server) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-s.exited:
		s.exited <- err
		return errors.Join(errors.New("the server ended"), err)
	}
}

func (s *server) stop() {
	_ = s.process.Process.Signal(syscall.SIGTERM) // it may have ended already
	<-s.exited
}

// client presents the certificate that stands for Gatekeeper's.
func (c certificates) client() (*http.Client, error) {
	pair, err := tls.LoadX509KeyPair(c.clientCert, c.clientKey)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(c.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS13},
	}}, nil
}

// freeAddress finds a port nobody listens on now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
