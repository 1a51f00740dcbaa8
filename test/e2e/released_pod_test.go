// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// releasedPod is the container of the Deployment that helm made: its arguments and its
// environment, with its volumes, read from the API server, below a folder in the place of
// the root.
type releasedPod struct {
	*process

	root, address, health string
	probe                 string // path of the readiness probe
}

// startPod runs a pod of the release's Deployment at an address, until the test ends.
func (r *release) startPod(t *testing.T, address string) *releasedPod {
	t.Helper()
	spec := r.read(t, "deployment", releaseName, "-n", releaseNamespace)["spec"].(object)["template"].(object)["spec"].(object)
	container := spec["containers"].([]any)[0].(object)
	name := fmt.Sprintf("%s-pod-%d", r.script.name, len(r.running))
	p := &releasedPod{root: filepath.Join(r.dir, name), address: address, health: freeAddress(t), probe: container["readinessProbe"].(object)["httpGet"].(object)["path"].(string)}
	for _, v := range spec["volumes"].([]any) {
		r.mount(t, p, v.(object), container["volumeMounts"].([]any))
	}
	var args []string
	for _, arg := range container["args"].([]any) {
		args = append(args, strings.NewReplacer("https://:6001", "https://"+address, "http://:9099", "http://"+p.health, "http://:8888", "http://127.0.0.1:0").Replace(p.below(arg.(string))))
	}
	env := []string{"HOME=" + p.root, "TMPDIR=" + filepath.Join(p.root, "tmp")}
	for _, e := range container["env"].([]any) {
		env = append(env, fmt.Sprintf("%s=%s", e.(object)["name"], e.(object)["value"]))
	}
	log, err := os.Create(filepath.Join(r.world.dir, name+".log"))
	fatal(t, err)
	defer log.Close() // the process has its own
	cmd := exec.Command(r.product, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = p.root, env, log, log, servetest.Child()
	fatal(t, cmd.Start())
	p.process = watched(name, cmd)
	t.Cleanup(p.kill)
	r.running = append(r.running, p)
	return p
}

// below is a text of the Deployment with the pod's folder in the place of the root.
func (p *releasedPod) below(text string) string {
	return strings.NewReplacer("/etc/opa-ratify", p.root+"/etc/opa-ratify", "/var/lib/opa-ratify", p.root+"/var/lib/opa-ratify").Replace(text)
}

// mount writes what a volume holds where the container has it.
func (r *release) mount(t *testing.T, p *releasedPod, volume object, mounts []any) {
	t.Helper()
	content := r.content(t, p, volume)
	for _, m := range mounts {
		m := m.(object)
		if m["name"] != volume["name"] {
			continue
		}
		at, files := filepath.Join(p.root, m["mountPath"].(string)), content
		if key, ok := m["subPath"].(string); ok {
			at, files = filepath.Dir(at), map[string][]byte{filepath.Base(at): content[key]}
		}
		fatal(t, os.MkdirAll(at, 0o700))
		for name, text := range files {
			fatal(t, os.WriteFile(filepath.Join(at, name), text, 0o600))
		}
	}
}

// content is what a volume holds, by file name; nil of an empty folder.
func (r *release) content(t *testing.T, p *releasedPod, volume object) map[string][]byte {
	t.Helper()
	content := map[string][]byte{}
	if source, ok := volume["configMap"].(object); ok {
		data, _ := r.read(t, "configmap", source["name"].(string), "-n", releaseNamespace)["data"].(object)
		for key, text := range data {
			content[key] = []byte(p.below(text.(string)))
		}
	}
	if source, ok := volume["secret"].(object); ok {
		data, _ := r.read(t, "secret", source["secretName"].(string), "-n", releaseNamespace)["data"].(object)
		for _, item := range source["items"].([]any) {
			raw, err := base64.StdEncoding.DecodeString(data[item.(object)["key"].(string)].(string))
			fatal(t, err)
			content[item.(object)["path"].(string)] = raw
		}
	}
	return content
}
