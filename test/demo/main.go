// SPDX-License-Identifier: Apache-2.0

// Demo shows the whole of opa-ratify on one machine: a registry on loopback,
// images signed in every way that matters, the real server with the default
// bundle behind mutual TLS, and the answers Gatekeeper would get.
//
// It stays up until it is interrupted; with ONCE=1 in the environment it ends
// after one round, and fails if a verdict is not the expected one.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv("ONCE") != ""); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// run is the demo: images, trust, server, questions.
func run(ctx context.Context, once bool) error {
	dir, err := os.MkdirTemp("", "opa-ratify-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	shelf, err := stock(ctx)
	if err != nil {
		return fmt.Errorf("push and sign images: %w", err)
	}
	defer shelf.registry.Close()
	bundle, err := writeBundle(dir, shelf.trust)
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	binary, err := filepath.Abs(filepath.Join("bin", "opa-ratify"))
	if err != nil {
		return err
	}
	server, err := servetest.Start(ctx, servetest.Options{Binary: binary, Dir: dir, Args: []string{"-b", bundle}})
	if err != nil {
		return fmt.Errorf("serve (make build first): %w", err)
	}
	defer server.Stop()

	unexpected, err := ask(ctx, os.Stdout, server, shelf.images)
	if err != nil {
		return err
	}
	if unexpected > 0 {
		return fmt.Errorf("%d verdicts are not the expected ones", unexpected)
	}
	if once {
		return nil
	}
	explain(os.Stdout, server, binary, bundle, shelf)
	return server.Wait(ctx)
}
