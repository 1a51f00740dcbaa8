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

// toolModules are the nested modules in tools, and the programs built from each. They
// share no versions with the product.
var toolModules = map[string]map[string]string{
	"olareg": {"olareg": "github.com/olareg/olareg/cmd/olareg"},
	"k8s": {
		"etcd":           "go.etcd.io/etcd/server/v3",
		"kubectl":        "k8s.io/kubernetes/cmd/kubectl",
		"gatekeeper":     gatekeeperModule,
		"kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
	},
}

const gatekeeperModule = "github.com/open-policy-agent/gatekeeper/v3"

// tools is where the programs are, bin/tools/e2e.
type tools struct{ dir string }

func (t tools) path(name string) string { return filepath.Join(t.dir, name) }

// buildTools builds what is missing, or was built from other versions.
func buildTools(t *testing.T) tools {
	t.Helper()
	dir := absolute(t, servetest.Product, "bin", "tools", "e2e")
	for _, module := range []string{"olareg", "k8s"} {
		source := absolute(t, "tools", module)
		key := toolKey(t, source)
		stamp := filepath.Join(dir, "."+module)
		if built, err := os.ReadFile(stamp); err == nil && string(built) == key {
			continue
		}
		flags := linkerFlags(t, module, source)
		for name, pkg := range toolModules[module] {
			progress("building %s (once; kube-apiserver takes minutes)", name)
			build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", filepath.Join(dir, name), pkg)
			build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
			if output, err := build.CombinedOutput(); err != nil {
				t.Fatalf("build %s: %v\n%s", name, err, output)
			}
		}
		fatal(t, os.WriteFile(stamp, []byte(key), 0o600))
	}
	return tools{dir}
}

// toolKey is what a module's binaries were built from: every version and the compiler.
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
func linkerFlags(t *testing.T, module, source string) string {
	t.Helper()
	if module != "k8s" {
		return "-s -w"
	}
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
