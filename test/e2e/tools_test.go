// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// cluster are the programs of tools/k8s, in the order in which they are built: they share
// most of their packages.
var cluster = []struct{ name, pkg string }{
	{"etcd", "go.etcd.io/etcd/server/v3"},
	{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
	{"gatekeeper", gatekeeperModule},
	{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
}

const gatekeeperModule = "github.com/open-policy-agent/gatekeeper/v3"

// tools finds programs: those of cluster in bin/tools/e2e, others, which make has built, in
// bin/tools.
type tools struct{ dir string }

func (t tools) path(name string) string {
	for _, own := range cluster {
		if own.name == name {
			return filepath.Join(t.dir, "e2e", name)
		}
	}
	return filepath.Join(t.dir, name)
}

// buildTools builds the cluster's programs unless they are there, of these versions.
func buildTools(t *testing.T) tools {
	t.Helper()
	programs := tools{absolute(t, servetest.Product, "bin", "tools")}
	source := absolute(t, "tools", "k8s")
	key, stamp := toolKey(t, source), filepath.Join(programs.dir, "e2e", ".key")
	if built, err := os.ReadFile(stamp); err == nil && string(built) == key {
		return programs
	}
	flags := linkerFlags(t, source)
	for _, own := range cluster {
		progress("building %s (only this time; the first takes minutes)", own.name)
		build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", programs.path(own.name), own.pkg)
		build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", own.name, err, output)
		}
	}
	fatal(t, os.WriteFile(stamp, []byte(key), 0o600))
	return programs
}

// toolKey is what the programs are built from: every version and the compiler.
func toolKey(t *testing.T, source string) string {
	t.Helper()
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOARCH)
	for _, name := range []string{"go.mod", "go.sum"} {
		raw, err := os.ReadFile(filepath.Join(source, name))
		fatal(t, err)
		sum.Write(raw)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// linkerFlags let Kubernetes and Gatekeeper say which version they are.
func linkerFlags(t *testing.T, source string) string {
	t.Helper()
	version := moduleField(t, source, "k8s.io/kubernetes", "Version")
	minor := strings.Split(version, ".")[1]
	const component = "k8s.io/component-base/version"
	return fmt.Sprintf("-s -w -X %s.gitVersion=%s -X %s.gitMajor=1 -X %s.gitMinor=%s -X %s/pkg/version.Version=%s",
		component, version, component, component, minor, gatekeeperModule, moduleField(t, source, gatekeeperModule, "Version"))
}

// moduleField asks go about a module: its "Version", its "Dir".
func moduleField(t *testing.T, source, module, field string) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{."+field+"}}", module)
	list.Dir = source
	output, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("go list -m %s: %v\n%s", module, err, output)
	}
	return strings.TrimSpace(string(output))
}
