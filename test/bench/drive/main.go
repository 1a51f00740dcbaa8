// SPDX-License-Identifier: Apache-2.0

// Drive measures the real binary beside a yardstick and two floors, in interleaved
// rounds, and prints a table. `make bench` runs it; see ../README.md.
//
//	scenario ─▶ registry + images ─▶ systems ─▶ rounds ─▶ line
//
// Every system is a process of its own, behind TLS 1.3 with client certificates; the
// registry and the clients are in this one. Every answer is checked and every request
// counted at the registry.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func main() { os.Exit(start()) }

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}

// run is the driver itself, or a system that it started by its own name.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch role := args[0]; role {
		case roleYardstick, roleFloor, roleOnce:
			return play(ctx, role, args[1:], os.Stdin, os.Stdout)
		}
	}
	flags := flag.NewFlagSet("drive", flag.ExitOnError)
	rounds := flags.Int("rounds", 3, "rounds of every scenario; their medians are printed")
	pattern := flags.String("run", ".", "regular expression of the lines to measure")
	short := flags.Bool("short", false, "fewer samples, shorter loads, one round unless -rounds is given")
	binary := flags.String("binary", "", "opa-ratify to measure; empty: build this directory's")
	file := flags.String("o", "", "file to write the table to, as well")
	if err := flags.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	b := &bench{rounds: *rounds, short: *short, match: match, binary: *binary, progress: os.Stderr}
	if *short && !given(flags, "rounds") {
		b.rounds = 1
	}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	var table bytes.Buffer
	failed := b.measure(ctx, io.MultiWriter(&table, os.Stdout))
	if *file != "" {
		failed = errors.Join(failed, os.WriteFile(*file, table.Bytes(), 0o644))
	}
	return failed
}

func given(flags *flag.FlagSet, name string) (found bool) {
	flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// bench is what all scenarios share.
type bench struct {
	rounds   int
	short    bool
	match    *regexp.Regexp
	binary   string // opa-ratify
	progress io.Writer

	self             string // this program
	dir              string // removed at the end
	certificates     servetest.Certificates
	ca               *signtest.CA
	signer, stranger *signtest.Signer
}

// prepare finds or makes what every scenario needs.
func (b *bench) prepare(ctx context.Context) (err error) {
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "opa-ratify-bench"); err != nil {
		return err
	}
	if b.certificates, err = servetest.NewCertificates(b.dir); err != nil {
		return err
	}
	if b.ca, b.signer, err = newSigner(); err != nil {
		return err
	}
	if _, b.stranger, err = newSigner(); err != nil {
		return err
	}
	if err := os.WriteFile(b.roots(), b.ca.PEM(), 0o600); err != nil {
		return err
	}
	if b.binary != "" {
		return nil
	}
	b.binary = filepath.Join(b.dir, "opa-ratify")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", b.binary, "./cmd/opa-ratify")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build opa-ratify: %w\n%s", err, output)
	}
	return nil
}

// roots is the file of the certificate that the yardstick trusts.
func (b *bench) roots() string { return filepath.Join(b.dir, "roots.pem") }

func newSigner() (*signtest.CA, *signtest.Signer, error) {
	ca, err := signtest.NewCA(signtest.CAOptions{})
	if err != nil {
		return nil, nil, err
	}
	signer, err := ca.Leaf(signtest.LeafOptions{})
	return ca, signer, err
}
