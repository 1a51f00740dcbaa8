// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// registryKey finds a script's registry among its values.
type registryKey struct{}

// registry is what `registry` started, nil before.
type registry struct {
	*registrytest.Registry

	image    ocispec.Descriptor // pushed last
	artifact ocispec.Descriptor // attached last
	last     ocispec.Descriptor // of these: what is signed next
}

// startRegistry is the command `registry [no-referrers-api|tls]`. The host is written
// localhost, which notation and opa-ratify both ask by plain HTTP; with tls the
// certificate of its authority is in registry-ca.pem.
func startRegistry(ts *testscript.TestScript, neg bool, args []string) {
	option := strings.Join(args, " ")
	if neg || !slices.Contains([]string{"", "no-referrers-api", "tls"}, option) {
		ts.Fatalf("usage: registry [no-referrers-api|tls]")
	}
	started, err := registrytest.New(registrytest.Options{NoReferrersAPI: option == "no-referrers-api", TLS: option == "tls"})
	ts.Check(err)
	if ca := started.CA(); ca != nil {
		ts.Check(os.WriteFile(ts.MkAbs("registry-ca.pem"), ca, 0o600))
	}
	ts.Defer(started.Close)
	scriptRegistry(ts).Registry = started
	_, port, err := net.SplitHostPort(started.Host())
	ts.Check(err)
	ts.Setenv("REGISTRY", net.JoinHostPort("localhost", port))
}

// pushImage is the command `push REPOSITORY:TAG`.
func pushImage(ts *testscript.TestScript, neg bool, args []string) {
	repository, tag, found := strings.Cut(strings.Join(args, " "), ":")
	if neg || !found {
		ts.Fatalf("usage: push REPOSITORY:TAG")
	}
	if scriptRegistry(ts).Registry == nil {
		ts.Fatalf("push: no registry; start one with `registry`")
	}
	image, err := scriptRegistry(ts).PushImage(context.Background(), repository, tag)
	ts.Check(err)
	scriptRegistry(ts).image, scriptRegistry(ts).last = image, image
	ts.Setenv("DIGEST", image.Digest.String())
}

func scriptRegistry(ts *testscript.TestScript) *registry {
	r, ok := ts.Value(registryKey{}).(*registry)
	if !ok {
		ts.Fatalf("script was not set up")
	}
	return r
}

// expand is the command `expand FILE`: ${NAME} in it becomes the variable's value.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
}

// program is a command that runs the program of its name, as `exec` does.
func program(name string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		err := ts.Exec(name, args...)
		switch {
		case neg && err == nil:
			ts.Fatalf("%s succeeded, must fail", name)
		case !neg && err != nil:
			ts.Fatalf("%s: %v", name, err)
		}
	}
}

// exitCode is the command `exit-code CODE PROGRAM ARGUMENT...`.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit-code CODE PROGRAM ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		ended, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Check(err)
		}
		got = ended.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
