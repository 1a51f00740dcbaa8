// SPDX-License-Identifier: Apache-2.0

// Package servetest runs the real opa-ratify binary as Gatekeeper meets it: a
// server behind TLS 1.3 that asks for a client certificate.
package servetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Options say what to run.
type Options struct {
	// Binary is the path of opa-ratify. Required.
	Binary string
	// Dir is where certificates are written. Required without Certificates.
	Dir string
	// Args follow the arguments that make a provider: bundles, policies,
	// configuration.
	Args []string
	// Env is the environment. Nil: this process's.
	Env []string
	// Certificates prove server and client; replicas have the same. Nil: new ones, of
	// one CA, in Dir.
	Certificates *Certificates
	// Address to listen on, "127.0.0.1:6001". Empty: a free port.
	Address string
	// Output takes what the binary prints. Nil: the error of [Start] has it.
	Output io.Writer
}

// Server is a running binary.
type Server struct {
	// URL is what Gatekeeper's Provider would name, without a path.
	URL string
	// Diagnostic is the base URL of health and metrics, plain HTTP.
	Diagnostic string
	// Certificates prove server and client.
	Certificates Certificates

	process *exec.Cmd
	exited  chan error
	output  *bytes.Buffer
}

// Start runs opa-ratify and waits until it is ready. The error holds what the
// binary printed.
func Start(ctx context.Context, o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	diagnostic, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	certs := *o.Certificates
	s := &Server{URL: "https://" + o.Address, Diagnostic: "http://" + diagnostic, Certificates: certs, exited: make(chan error, 1), output: &bytes.Buffer{}}
	args := append([]string{
		"run", "--server", "--addr", s.URL, "--diagnostic-addr", s.Diagnostic, "--log-level", "error",
		"--tls-cert-file", certs.ServerCert, "--tls-private-key-file", certs.ServerKey, "--min-tls-version", "1.3",
		"--tls-ca-cert-file", certs.CA, "--authentication", "tls",
	}, o.Args...)
	s.process = exec.Command(o.Binary, args...)
	s.process.Stdout, s.process.Stderr, s.process.Env = o.Output, o.Output, o.Env
	if o.Output == nil {
		s.process.Stdout, s.process.Stderr = s.output, s.output
	}
	s.process.SysProcAttr = Child()
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Binary, err)
	}
	go func() { s.exited <- s.process.Wait() }()
	if err := s.ready(ctx, s.Diagnostic+"/health?bundles&plugins"); err != nil {
		s.Stop()
		return nil, fmt.Errorf("%w\n%s", err, s.output)
	}
	return s, nil
}

// complete makes what the caller left to this package.
func (o *Options) complete() (err error) {
	if o.Certificates == nil {
		made, err := NewCertificates(o.Dir)
		if err != nil {
			return fmt.Errorf("make certificates: %w", err)
		}
		o.Certificates = &made
	}
	if o.Address == "" {
		o.Address, err = FreeAddress()
	}
	return err
}

// ready polls the health endpoint.
func (s *Server) ready(ctx context.Context, health string) error {
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
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// Wait returns when ctx ends or, with an error, when the server does.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-s.exited:
		s.exited <- err
		return errors.Join(errors.New("the server ended"), err)
	}
}

// ResidentBytes returns the memory that the server has now, 0 where the system
// has no /proc.
func (s *Server) ResidentBytes() int64 { return ResidentBytes(s.process.Process.Pid) }

// ResidentBytes returns the memory that a process has now, 0 where the system has no
// /proc.
func ResidentBytes(pid int) int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	var total, resident int64
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(raw), &total, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// Stop ends the server and waits for it.
func (s *Server) Stop() {
	_ = s.process.Process.Signal(syscall.SIGTERM) // it may have ended already
	_ = s.process.Process.Signal(syscall.SIGCONT) // or have been stopped
	s.exited <- <-s.exited                        // a signal ended it, as it should
}

// Kill ends the server at once, in the middle of what it does.
func (s *Server) Kill() {
	_ = s.process.Process.Kill() // it may have ended already
	s.exited <- <-s.exited
}

// Signal sends a signal, such as SIGSTOP to make it hang.
func (s *Server) Signal(signal os.Signal) error { return s.process.Process.Signal(signal) }

// FreeAddress finds a port of 127.0.0.1 nobody listens on now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
