// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/opa-ratify/opa-ratify/test/bench/floor"
	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// system is a running server that answers ProviderRequests.
type system struct {
	name     string
	url      string // of the route
	client   *http.Client
	resident func() int64 // bytes
	stop     func()
}

// settings of a system that verifies.
type settings struct {
	ttl     time.Duration // of tags and lists of referrers; 0: the product's default
	timeout time.Duration // of one request
}

// maxConnections is more than any scenario has requests at the same time.
const maxConnections = 64

// policy is the one of the README: eight lines.
const policy = `package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.release})

reasons contains e.message if some e in report.errors
`

// pair starts the product and the yardstick.
func (b *bench) pair(ctx context.Context, s settings) ([]*system, func(), error) {
	ours, err := b.ours(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	other, err := b.yardstick(ctx, s)
	if err != nil {
		ours.stop()
		return nil, nil, err
	}
	return []*system{ours, other}, func() { ours.stop(); other.stop() }, nil
}

// ours is the product, asked by Gatekeeper's route.
func (b *bench) ours(ctx context.Context, s settings) (*system, error) {
	dir, err := os.MkdirTemp(b.dir, "ours")
	if err != nil {
		return nil, err
	}
	config, err := b.configure(dir, s)
	if err != nil {
		return nil, err
	}
	return b.opa(ctx, "ours", "/ratify/gatekeeper/v1/verify", dir, "--config-file", config, filepath.Join(dir, "bundle"))
}

// configure writes a bundle and the plugin's configuration, and answers the path of
// the latter.
func (b *bench) configure(dir string, s settings) (string, error) {
	plugin := map[string]any{
		"docker_config": map[string]any{"disabled": true}, // nobody's credentials, nobody's file
		"notation":      map[string]any{"disabled": true},
		"gatekeeper":    map[string]any{"timeout": s.timeout.String()},
	}
	if s.ttl != 0 {
		plugin["cache"] = map[string]any{"tag_ttl": s.ttl.String(), "referrers_ttl": s.ttl.String()}
	}
	config := filepath.Join(dir, "config.json")
	trust := map[string]any{"trust": map[string]any{"release": b.ca.TrustDocument()}}
	return config, errors.Join(
		os.Mkdir(filepath.Join(dir, "bundle"), 0o700),
		os.WriteFile(filepath.Join(dir, "bundle", "policy.rego"), []byte(policy), 0o600),
		writeJSON(filepath.Join(dir, "bundle", "data.json"), trust),
		writeJSON(config, map[string]any{"plugins": map[string]any{"ratify": plugin}}),
	)
}

// opaFloor is the same binary as stock OPA, with a policy that verifies nothing. Its
// answers have the size of the one given.
func (b *bench) opaFloor(ctx context.Context, answer []byte) (*system, error) {
	dir, err := os.MkdirTemp(b.dir, "opa")
	if err != nil {
		return nil, err
	}
	module, err := floor.Policy(answer)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "floor.rego")
	if err := os.WriteFile(file, []byte(module), 0o600); err != nil {
		return nil, err
	}
	return b.opa(ctx, "OPA", floor.Path, dir, file)
}

func (b *bench) opa(ctx context.Context, name, path, dir string, args ...string) (*system, error) {
	server, err := servetest.Start(ctx, servetest.Options{Binary: b.binary, Dir: dir, Args: args})
	if err != nil {
		return nil, err
	}
	client, err := newClient(server.Certificates)
	return &system{name, server.URL + path, client, server.ResidentBytes, server.Stop}, err
}

func (b *bench) yardstick(ctx context.Context, s settings) (*system, error) {
	ttl := s.ttl
	if ttl == 0 {
		ttl = 10 * time.Second
	}
	return b.role(ctx, roleYardstick, "-roots", b.roots(), "-ttl", ttl.String(), "-timeout", s.timeout.String())
}

// httpsFloor answers a constant.
func (b *bench) httpsFloor(ctx context.Context, answer []byte) (*system, error) {
	file, err := os.CreateTemp(b.dir, "answer")
	if err != nil {
		return nil, err
	}
	_, err = file.Write(answer)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return b.role(ctx, roleFloor, "-answer", file.Name())
}

// role starts this program once more.
func (b *bench) role(ctx context.Context, role string, args ...string) (*system, error) {
	c := b.certificates
	process := exec.CommandContext(ctx, b.self, append([]string{role, "-ca", c.CA, "-cert", c.ServerCert, "-key", c.ServerKey}, args...)...)
	process.Stderr = os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the driver
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	stop := func() {
		_ = stdin.Close()
		_ = process.Wait()
	}
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		stop()
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	client, err := newClient(c)
	return &system{role, strings.TrimSpace(url), client, func() int64 { return 0 }, stop}, err
}

func newClient(c servetest.Certificates) (*http.Client, error) {
	client, err := c.Client()
	if err != nil {
		return nil, err
	}
	transport, ok := client.Transport.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("client has a transport of type %T", client.Transport)
	}
	transport.MaxIdleConnsPerHost = maxConnections
	return client, nil
}

func writeJSON(name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(name, raw, 0o600)
}
