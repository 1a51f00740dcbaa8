// SPDX-License-Identifier: Apache-2.0

package service_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/telemetry"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestCredentialsComeFromTheFirstOwner(t *testing.T) {
	t.Parallel()
	private := registrytest.Start(t, registrytest.Options{Basic: &registrytest.Basic{Username: "robot", Password: "hunter2"}})
	stranger := registrytest.Start(t, registrytest.Options{})
	for _, r := range []*registrytest.Registry{private, stranger} {
		_, err := r.PushImage(t.Context(), "app", "v1")
		fatal(t, err)
	}
	password := filepath.Join(t.TempDir(), "password")
	fatal(t, os.WriteFile(password, []byte("hunter2\n"), 0o600))
	metrics := prometheus.NewRegistry()
	m, err := telemetry.New(telemetry.Options{Registerer: metrics})
	fatal(t, err)
	s := newService(t, func(c *config.Config) {
		c.DockerConfig.Disabled = true
		c.Credentials = []config.Credential{{
			Match: private.Host(), Provider: config.CredentialStatic, Static: config.StaticCredential{Username: "robot", PasswordFile: password},
		}}
	}, service.Deps{Metrics: m})
	for _, r := range []*registrytest.Registry{private, stranger} {
		if a := s.Resolve(t.Context(), service.Question{Image: r.Host() + "/app:v1"}); len(a.Errors) > 0 {
			t.Errorf("%+v", a.Errors)
		}
	}
	for _, r := range stranger.Requests() {
		if r.Header.Get("Authorization") != "" {
			t.Error("the credential went to another registry")
		}
	}

	// A provider that fails is an error, and the registry is not asked anonymously.
	fatal(t, os.Remove(password))
	private.ResetRequests()
	a := s.Resolve(t.Context(), service.Question{Image: private.Host() + "/app:v2"})
	if len(a.Errors) != 1 || a.Errors[0].Code != report.Unauthorized || !strings.Contains(a.Errors[0].Message, "credential provider static: read "+password+": no such file") {
		t.Errorf("%+v", a.Errors)
	}
	for _, r := range private.Requests() {
		if r.Status < 400 {
			t.Errorf("%s %s was answered %d", r.Method, r.Path, r.Status)
		}
	}
	if n, err := testutil.GatherAndCount(metrics, "ratify_credential_requests_total"); err != nil || n != 2 {
		t.Errorf("%d series of credential requests, want success and failure", n)
	}
}

// Outside a cluster its providers say so; a configuration for one is no error.
func TestClusterProvidersOutsideACluster(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	registry := registrytest.Start(t, registrytest.Options{Basic: &registrytest.Basic{Username: "u", Password: "p"}})
	s := newService(t, func(c *config.Config) {
		c.Credentials = []config.Credential{{Provider: config.CredentialKubernetesSecrets}}
		c.KeyProviders = []config.KeyProvider{{Name: "cluster", Type: config.KeysKubernetes, Kubernetes: config.KubernetesKeys{
			Keys: []config.KubernetesKey{{Name: "k", Secret: "s", Namespace: "n", Key: "k.pub"}},
		}}}
	}, service.Deps{LongLived: true})
	a := s.Resolve(t.Context(), service.Question{Image: registry.Host() + "/app:v1"})
	const says = "find the cluster: this process is not in a Kubernetes pod"
	if len(a.Errors) != 1 || a.Errors[0].Code != report.Unauthorized || !strings.Contains(a.Errors[0].Message, "credential provider kubernetes_secrets: "+says) {
		t.Errorf("%+v", a.Errors)
	}
	doc, err := s.ParseTrust(t.Context(), []byte(`{"cosign": {"keys": [{"provider": "cluster", "name": "k"}]}}`))
	fatal(t, err)
	if absent := doc.AbsentFor(""); len(absent) != 1 || !strings.Contains(absent[0].Message, says) {
		t.Errorf("%+v", absent)
	}
}
