// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/opa-ratify/opa-ratify/test/bench/floor"
	"github.com/opa-ratify/opa-ratify/test/bench/yardstick"
)

// The systems that this program is when the driver starts it again.
const (
	roleYardstick = "yardstick" // a server
	roleFloor     = "floor"     // a server
	roleOnce      = "once"      // the yardstick as a command line
)

// cast is what a role is told on its command line.
type cast struct {
	ca, cert, key string
	roots, answer string
	ttl, timeout  time.Duration
}

// play is one of the roles. A server prints its URL, and ends when stdin does.
func play(ctx context.Context, role string, args []string, stdin io.Reader, stdout io.Writer) error {
	var c cast
	flags := flag.NewFlagSet(role, flag.ExitOnError)
	flags.StringVar(&c.ca, "ca", "", "CA of clients")
	flags.StringVar(&c.cert, "cert", "", "certificate of the server")
	flags.StringVar(&c.key, "key", "", "its key")
	flags.StringVar(&c.roots, "roots", "", "certificates of trusted authorities")
	flags.StringVar(&c.answer, "answer", "", "file to answer")
	flags.DurationVar(&c.ttl, "ttl", time.Hour, "how long tags and lists are believed")
	flags.DurationVar(&c.timeout, "timeout", 10*time.Second, "bound of one request")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch role {
	case roleFloor:
		answer, err := os.ReadFile(c.answer)
		if err != nil {
			return err
		}
		return c.serve(ctx, floor.Constant(answer), stdin, stdout)
	case roleYardstick:
		provider, err := c.yardstick()
		if err != nil {
			return err
		}
		return c.serve(ctx, provider, stdin, stdout)
	default:
		provider, err := c.yardstick()
		if err != nil {
			return err
		}
		digest, err := provider.Verify(ctx, flags.Arg(0))
		if err == nil {
			_, err = fmt.Fprintln(stdout, digest)
		}
		return err
	}
}

func (c cast) yardstick() (*yardstick.Provider, error) {
	rest, err := os.ReadFile(c.roots)
	if err != nil {
		return nil, err
	}
	o := yardstick.Options{TTL: c.ttl, Timeout: c.timeout}
	for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		o.Roots = append(o.Roots, root)
	}
	return yardstick.New(o)
}

// serve is like the product's listener: TLS 1.3, and only clients with a certificate.
func (c cast) serve(ctx context.Context, h http.Handler, stdin io.Reader, stdout io.Writer) error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(c.ca)
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(ca)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13,
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
	})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, BaseContext: func(net.Listener) context.Context { return ctx }, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // until whoever started this process is gone
		_ = server.Close()
	}()
	if _, err := fmt.Fprintln(stdout, "https://"+listener.Addr().String()); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
