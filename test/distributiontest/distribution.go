// SPDX-License-Identifier: Apache-2.0

// Package distributiontest runs real registries in processes of their own: distribution, of
// the package docker-registry of Debian, which has no Referrers API, and olareg, which has
// it. The first may demand passwords itself, or tokens, which a token server issues here.
//
//	client ──▶ docker-registry ──401, realm──▶ client ──password──▶ token server ──JWT──▶ client ──▶ docker-registry
package distributiontest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Binary is the name of the registry that [Start] looks for on PATH; `make
// interop-registry` unpacks it.
const Binary = "docker-registry"

// Options say what is demanded of clients. The zero value serves everybody.
type Options struct {
	// Dir is where images and configuration are kept. Required.
	Dir string
	// Basic demands a password of Accounts, which then may do anything.
	Basic bool
	// Token demands a token, which is issued for a password. Excludes Basic.
	Token bool
	// Accounts by name. A token server without any issues nothing.
	Accounts map[string]Account
}

// Account is who may do what.
type Account struct {
	Password string
	// Access maps repositories, or "*" for all, to actions ("pull", "push").
	Access map[string][]string
}

// Registry is a running registry. It may be used concurrently.
type Registry struct {
	// Host is "localhost:41234", which clients ask by plain HTTP.
	Host string
	// Tokens issues tokens; nil without [Options.Token].
	Tokens *TokenServer

	process *exec.Cmd
	tokens  *httptest.Server
	reading sync.WaitGroup
}

// startTimeout bounds the wait until the registry listens.
const startTimeout = 30 * time.Second

// Start runs [Binary]. The caller stops it.
func Start(o Options) (*Registry, error) {
	path, err := exec.LookPath(Binary)
	if err != nil {
		return nil, fmt.Errorf("%w; run `make interop-registry`", err)
	}
	r := &Registry{}
	config, err := r.configure(o)
	if err != nil {
		return nil, err
	}
	r.process = exec.Command(path, "serve", config)
	r.process.Dir = o.Dir
	log, err := r.process.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := r.process.Start(); err != nil {
		r.stopTokens()
		return nil, fmt.Errorf("start %s: %w", Binary, err)
	}
	address, err := r.listening(log)
	if err != nil {
		r.Stop()
		return nil, fmt.Errorf("start %s: %w", Binary, err)
	}
	_, port, err := net.SplitHostPort(address)
	r.Host = net.JoinHostPort("localhost", port)
	return r, err
}

// configure writes the configuration file, and what it names.
func (r *Registry) configure(o Options) (string, error) {
	auth := ""
	var err error
	switch {
	case o.Basic:
		auth, err = passwords(o)
	case o.Token:
		if r.Tokens, err = newTokenServer(o.Accounts); err == nil {
			r.tokens = httptest.NewServer(r.Tokens)
			r.Tokens.Host = strings.Replace(r.tokens.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
			auth, err = r.Tokens.configure(o.Dir)
		}
	}
	if err != nil {
		return "", err
	}
	path := filepath.Join(o.Dir, "registry.yml")
	return path, os.WriteFile(path, fmt.Appendf(nil, `version: 0.1
log: {level: info}
storage: {filesystem: {rootdirectory: %q}}
http: {addr: "127.0.0.1:0"}
%s`, filepath.Join(o.Dir, "registry"), auth), 0o600)
}

var listeningOn = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// listening reads the log until it says where the registry listens, and further so that
// the registry never waits for a reader.
func (r *Registry) listening(log io.Reader) (string, error) {
	found := make(chan string, 1)
	var last string
	r.reading.Go(func() {
		defer close(found)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			last = lines.Text()
			if match := listeningOn.FindStringSubmatch(last); match != nil {
				found <- match[1]
				break
			}
		}
		_, _ = io.Copy(io.Discard, log) // ends with the process
	})
	select {
	case address, ok := <-found:
		if !ok {
			return "", fmt.Errorf("it ended: %s", last)
		}
		return address, nil
	case <-time.After(startTimeout):
		return "", fmt.Errorf("it does not listen after %s", startTimeout)
	}
}

// Stop ends the registry and its token server.
func (r *Registry) Stop() {
	_ = r.process.Process.Kill() // it may have ended already
	r.reading.Wait()
	_ = r.process.Wait() // killed, as it should be
	r.stopTokens()
}

func (r *Registry) stopTokens() {
	if r.tokens != nil {
		r.tokens.Close()
	}
}
