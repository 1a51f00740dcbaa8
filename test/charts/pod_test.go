// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/kubetest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	externaldatav1beta1 "github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/v1beta1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/opa-ratify/opa-ratify/test/charts"
)

// pod is the container of the rendered Deployment, run here: with its arguments, its
// environment, and its volumes as files below a folder in the place of the root.
type pod struct {
	root          string
	https, health string
	objects       []charts.Object
	api           *kubetest.API // has the resources of the chart
	gatekeeper    servetest.Certificates
	log           string // file with what it printed
	exited        chan error
}

// newPod renders values for a cluster with a Gatekeeper.
func newPod(t *testing.T, values map[string]any) *pod {
	t.Helper()
	root := t.TempDir()
	certificates, err := servetest.NewCertificates(root)
	fatal(t, err)
	objects, _, err := charts.Render(charts.Release{Cluster: newCluster()}, values)
	fatal(t, err)
	api := kubetest.Start(t, "gatekeeper-system", "ratify-admin")
	for _, o := range objects {
		if o.APIVersion == ratifyVersion {
			api.Apply(o.Kind, "", o.Metadata.Name, as[map[string]any](t, o)["spec"])
		}
	}
	return &pod{
		root: root, https: address(t), health: address(t), objects: objects, gatekeeper: certificates, api: api,
		log: filepath.Join(root, "log"), exited: make(chan error, 1),
	}
}

// startPod runs what the values render, with more ConfigMaps that are in the cluster,
// and waits until it answers the Deployment's readiness probe.
func startPod(t *testing.T, values map[string]any, env []string, there ...*corev1.ConfigMap) *pod {
	t.Helper()
	p := newPod(t, values)
	p.run(t, env, there)
	p.await(t, "ready", func(ctx context.Context) (bool, string) { return p.ready(ctx, t) })
	return p
}

func (p *pod) container(t *testing.T) (corev1.Container, []corev1.Volume) {
	t.Helper()
	deployment := as[appsv1.Deployment](t, find(t, p.objects, "Deployment gatekeeper-system/ratify"))
	return deployment.Spec.Template.Spec.Containers[0], deployment.Spec.Template.Spec.Volumes
}

// run mounts the volumes and starts the binary.
func (p *pod) run(t *testing.T, env []string, there []*corev1.ConfigMap) {
	t.Helper()
	container, volumes := p.container(t)
	for _, volume := range volumes {
		content := p.content(t, volume, there)
		for _, mount := range container.VolumeMounts {
			if mount.Name == volume.Name {
				p.mount(t, mount, content)
			}
		}
	}
	args := make([]string, len(container.Args))
	for i, arg := range container.Args {
		arg = strings.ReplaceAll(arg, "/etc/opa-ratify", filepath.Join(p.root, "etc/opa-ratify"))
		arg = strings.ReplaceAll(arg, "https://:6001", "https://"+p.https)
		arg = strings.ReplaceAll(arg, "http://:9099", "http://"+p.health)
		args[i] = strings.ReplaceAll(arg, "http://:8888", "http://127.0.0.1:0") // metrics are on the other port, too
	}
	log, err := os.Create(p.log)
	fatal(t, err)
	command := exec.Command(binary, args...)
	command.Stdout, command.Stderr, command.Dir = log, log, p.root
	command.Env = slices.Concat(env, []string{"HOME=" + p.root, "TMPDIR=" + filepath.Join(p.root, "tmp")})
	for _, v := range container.Env {
		command.Env = append(command.Env, v.Name+"="+v.Value)
	}
	fatal(t, command.Start())
	go func() { p.exited <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGKILL) // it may have ended by itself
		<-p.exited
		fatal(t, log.Close())
	})
}

// watch is where the configuration says that resources are watched: here the API server
// is not where a pod looks for it.
var watch = regexp.MustCompile(`(?m)^( *)watch: kubernetes$`)

// content is what a volume holds, by file name; nil is an empty folder. The folder of
// rotated certificates has what opa-ratify-certs would have written.
func (p *pod) content(t *testing.T, volume corev1.Volume, there []*corev1.ConfigMap) map[string][]byte {
	t.Helper()
	content := map[string][]byte{}
	switch {
	case volume.ConfigMap != nil:
		for _, c := range there {
			if c.Name == volume.ConfigMap.Name {
				return c.BinaryData
			}
		}
		for key, text := range p.rendered(t, "ConfigMap", volume.ConfigMap.Name).Data {
			text = watch.ReplaceAllString(text, "${0}\n${1}kubeconfig: "+p.api.Kubeconfig(t))
			content[key] = []byte(strings.NewReplacer("/etc/opa-ratify", filepath.Join(p.root, "etc/opa-ratify"), "/var/lib", filepath.Join(p.root, "var/lib")).Replace(text))
		}
	case volume.Secret != nil && volume.Secret.SecretName == "gatekeeper-webhook-server-cert":
		ca, err := os.ReadFile(p.gatekeeper.CA)
		fatal(t, err)
		content["ca.crt"] = ca
	case volume.EmptyDir != nil && volume.Name == "tls":
		for name, file := range map[string]string{"tls.crt": p.gatekeeper.ServerCert, "tls.key": p.gatekeeper.ServerKey, "gatekeeper-ca.crt": p.gatekeeper.CA} {
			raw, err := os.ReadFile(file)
			fatal(t, err)
			content[name] = raw
		}
	case volume.Secret != nil:
		data := p.rendered(t, "Secret", volume.Secret.SecretName).Data
		for _, item := range volume.Secret.Items {
			raw, err := base64.StdEncoding.DecodeString(data[item.Key])
			fatal(t, err)
			content[item.Path] = raw
		}
	}
	return content
}

// data is what a ConfigMap holds, or a Secret in base64.
type data struct{ Data map[string]string }

// rendered is an object of the chart, or an empty one of somebody else's.
func (p *pod) rendered(t *testing.T, kind, name string) data {
	t.Helper()
	for _, o := range p.objects {
		if o.Kind == kind && o.Metadata.Name == name {
			var d data
			fatal(t, yaml.Unmarshal(o.YAML, &d))
			return d
		}
	}
	return data{}
}

func (p *pod) mount(t *testing.T, mount corev1.VolumeMount, content map[string][]byte) {
	t.Helper()
	at := filepath.Join(p.root, mount.MountPath)
	if mount.SubPath != "" {
		data, ok := content[mount.SubPath]
		if !ok {
			t.Fatalf("volume %s has no %s to mount at %s", mount.Name, mount.SubPath, mount.MountPath)
		}
		at, content = filepath.Dir(at), map[string][]byte{filepath.Base(at): data}
	}
	fatal(t, os.MkdirAll(at, 0o700))
	for name, data := range content {
		fatal(t, os.WriteFile(filepath.Join(at, name), data, 0o600))
	}
}

// await polls until something is so, which says what it saw instead, or the binary ends.
func (p *pod) await(t *testing.T, what string, so func(context.Context) (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for last := ""; ; {
		select {
		case err := <-p.exited:
			p.exited <- err
			if is, _ := so(ctx); is {
				return
			}
			t.Fatalf("it ended before it was %s: %v\n%s", what, err, p.printed(t))
		case <-ctx.Done():
			t.Fatalf("it is not %s: %s\n%s", what, last, p.printed(t))
		case <-tick.C:
			var is bool
			if is, last = so(ctx); is {
				return
			}
		}
	}
}

// ready asks as the readiness probe does.
func (p *pod) ready(ctx context.Context, t *testing.T) (is bool, answer string) {
	t.Helper()
	container, _ := p.container(t)
	return p.answers(ctx, t, container.ReadinessProbe.HTTPGet.Path)
}

// answers asks on the port of the probes.
func (p *pod) answers(ctx context.Context, t *testing.T, path string) (is bool, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.health+path, nil)
	fatal(t, err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err.Error()
	}
	body, err := io.ReadAll(response.Body)
	fatal(t, errors.Join(err, response.Body.Close()))
	return response.StatusCode == http.StatusOK, string(body)
}

// printed is what the binary printed.
func (p *pod) printed(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(p.log)
	fatal(t, err)
	return string(raw)
}

// client connects as Gatekeeper does: by the name in the Provider's URL, with the CA
// there, showing certificates.
func (p *pod) client(t *testing.T, certificates ...tls.Certificate) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle(t, p.objects, "ratify-provider"))
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, p.https)
		},
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certificates, MinVersion: tls.VersionTLS13},
	}}
}

// url is what Gatekeeper is told to ask.
func (p *pod) url(t *testing.T, provider string) string {
	t.Helper()
	return as[externaldatav1beta1.Provider](t, find(t, p.objects, "Provider "+provider)).Spec.URL
}

// address is one that is free.
func address(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err)
	defer func() { fatal(t, l.Close()) }()
	return l.Addr().String()
}
