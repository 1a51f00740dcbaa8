// SPDX-License-Identifier: Apache-2.0

// Package redistest runs the real redis-server, found by PATH, and does to it what
// happens to servers: it is killed, it hangs, somebody else writes to it.
//
// Tests that need it have the build tag interop; `make interop-redis` runs them.
package redistest

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// Options say what to run.
type Options struct {
	// Password is that of the default user. "": none.
	Password string
	// TLS makes the server speak nothing else.
	TLS *servetest.Certificates
	// Args are more of its settings: "--maxmemory", "2mb".
	Args []string
}

// Server is a redis-server on loopback, which ends with the test.
type Server struct {
	// Address is host:port.
	Address string

	options Options
	process *exec.Cmd
	output  *bytes.Buffer
}

// Start runs a server and waits until it answers.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{Address: l.Addr().String(), options: o}
	if err := l.Close(); err != nil {
		tb.Fatal(err)
	}
	s.Restart(tb)
	tb.Cleanup(s.Kill)
	return s
}

// Restart runs a server again that was killed, at the same address and empty.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		tb.Fatalf("%v; install Debian's package redis-server", err)
	}
	s.output = &bytes.Buffer{}
	s.process = exec.Command(binary, s.arguments(tb)...)
	s.process.Stdout, s.process.Stderr = s.output, s.output
	if err := s.process.Start(); err != nil {
		tb.Fatal(err)
	}
	s.await(tb)
}

func (s *Server) arguments(tb testing.TB) []string {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		tb.Fatal(err)
	}
	args := []string{"--bind", host, "--save", "", "--dir", tb.TempDir()}
	if s.options.Password != "" {
		args = append(args, "--requirepass", s.options.Password)
	}
	if c := s.options.TLS; c != nil {
		args = append(args, "--port", "0", "--tls-port", port, "--tls-cert-file", c.ServerCert, "--tls-key-file", c.ServerKey, "--tls-ca-cert-file", c.CA)
	} else {
		args = append(args, "--port", port)
	}
	return append(args, s.options.Args...)
}

func (s *Server) await(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := s.connect()
		if err == nil {
			_, err = c.Do("PING")
			_ = c.Close()
		}
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.Kill()
			tb.Fatalf("redis-server does not answer: %v\n%s", err, s.output)
		}
	}
}

func (s *Server) connect() (redis.Conn, error) {
	options := []redis.DialOption{redis.DialPassword(s.options.Password), redis.DialReadTimeout(10 * time.Second)}
	if c := s.options.TLS; c != nil {
		pair, err := c.KeyPair()
		if err != nil {
			return nil, err
		}
		options = append(options, redis.DialUseTLS(true), redis.DialTLSConfig(&tls.Config{
			Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true, // the test's own server
		}))
	}
	return redis.Dial("tcp", s.Address, options...)
}

// Do runs a command as somebody who has the password.
func (s *Server) Do(tb testing.TB, command string, args ...any) any {
	tb.Helper()
	c, err := s.connect()
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	reply, err := c.Do(command, args...)
	if err != nil {
		tb.Fatalf("%s: %v", command, err)
	}
	return reply
}

// Keys are all keys that match a pattern, "*".
func (s *Server) Keys(tb testing.TB, pattern string) []string {
	tb.Helper()
	keys, err := redis.Strings(s.Do(tb, "KEYS", pattern), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

// Value is the value of a key.
func (s *Server) Value(tb testing.TB, key string) []byte {
	tb.Helper()
	b, err := redis.Bytes(s.Do(tb, "GET", key), nil)
	if err != nil {
		tb.Fatalf("%s: %v", key, err)
	}
	return b
}

// Hang stops the process where it is: connections are accepted and nothing is
// answered, until Resume.
func (s *Server) Hang(tb testing.TB) { s.signal(tb, syscall.SIGSTOP) }

// Resume ends Hang.
func (s *Server) Resume(tb testing.TB) { s.signal(tb, syscall.SIGCONT) }

func (s *Server) signal(tb testing.TB, signal syscall.Signal) {
	tb.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		tb.Fatal(err)
	}
}

// Kill ends the server at once.
func (s *Server) Kill() {
	_ = s.process.Process.Kill() // it may have ended already
	_ = s.process.Wait()         // "signal: killed"
}

// Certificates makes what [Options].TLS needs.
func Certificates(tb testing.TB) *servetest.Certificates {
	tb.Helper()
	c, err := servetest.NewCertificates(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	return &c
}
