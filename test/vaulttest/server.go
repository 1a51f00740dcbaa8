// SPDX-License-Identifier: Apache-2.0

package vaulttest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"
)

// Binary is the name of the real Vault that [Start] looks for on PATH; `make
// interop-vault` builds it from test/tools/vault.
const Binary = "vault-transit"

// Server is a real Vault in a process of its own: its core with the transit engine and
// the auth methods token, approle and kubernetes, in memory, initialised and unsealed,
// with nothing mounted. It may be used concurrently.
type Server struct {
	// Address is "https://127.0.0.1:41234".
	Address string
	// CA is the PEM of the authority that certified it.
	CA []byte
	// RootToken may do anything.
	RootToken string
	// Client trusts CA.
	Client *http.Client

	unsealKey string
	process   *exec.Cmd
	stdin     io.Closer
}

// Start runs [Binary]. The caller stops it.
func Start() (*Server, error) {
	path, err := exec.LookPath(Binary)
	if err != nil {
		return nil, fmt.Errorf("%w; run `make interop-vault`", err)
	}
	var printed bytes.Buffer
	s := &Server{process: exec.Command(path)}
	s.process.Stderr = &printed
	stdin, err := s.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.stdin = stdin
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", Binary, err)
	}
	if err := s.hello(stdout); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start %s: %w\n%s", Binary, err, &printed)
	}
	return s, nil
}

// hello reads the line of JSON that the process begins with.
func (s *Server) hello(stdout io.Reader) error {
	var hello struct {
		Address   string `json:"address"`
		CA        string `json:"ca"`
		RootToken string `json:"root_token"`
		UnsealKey string `json:"unseal_key"`
	}
	if err := json.NewDecoder(stdout).Decode(&hello); err != nil {
		return fmt.Errorf("read what it prints: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(hello.CA)) {
		return errors.New("it prints no CA")
	}
	s.Address, s.CA, s.RootToken, s.unsealKey = hello.Address, []byte(hello.CA), hello.RootToken, hello.UnsealKey
	s.Client = &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		Timeout:   30 * time.Second,
	}
	return nil
}

// Call asks as the root. body nil: none. The answer is JSON, or nothing; the error holds
// a refusal.
func (s *Server) Call(ctx context.Context, method, path string, body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.Address+"/v1/"+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Vault-Token", s.RootToken)
	resp, err := s.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	return answer, err
}

// Seal makes it forget its keys, until Unseal.
func (s *Server) Seal(ctx context.Context) error {
	_, err := s.Call(ctx, http.MethodPut, "sys/seal", nil)
	return err
}

// Unseal ends what Seal began.
func (s *Server) Unseal(ctx context.Context) error {
	_, err := s.Call(ctx, http.MethodPut, "sys/unseal", map[string]string{"key": s.unsealKey})
	return err
}

// Stop ends the process and waits for it. Stopping twice is once.
func (s *Server) Stop() {
	if s.process.ProcessState != nil {
		return
	}
	_ = s.stdin.Close()  // the sign to end
	_ = s.process.Wait() // its exit code is nobody's
	if s.Client != nil {
		s.Client.CloseIdleConnections()
	}
}
