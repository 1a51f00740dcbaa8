// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
)

// cloudEnv is what the webhooks of the clouds give to pods with an identity.
func cloudEnv(root string) []string {
	token := filepath.Join(root, "token")
	return []string{
		"AZURE_TENANT_ID=t", "AZURE_CLIENT_ID=c", "AZURE_FEDERATED_TOKEN_FILE=" + token, "AZURE_AUTHORITY_HOST=https://login.microsoftonline.com/",
		"ALIBABA_CLOUD_ROLE_ARN=acs:ram::1:role/ratify-role", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN=acs:ram::1:oidc-provider/ack", "ALIBABA_CLOUD_OIDC_TOKEN_FILE=" + token,
		"AWS_ROLE_ARN=arn:aws:iam::123456789012:role/ratify", "AWS_WEB_IDENTITY_TOKEN_FILE=" + token, "AWS_REGION=eu-central-1",
	}
}

// The binary takes every configuration that the golden files show: it is alive, whether
// or not a key service can be reached from here.
func TestConfigurationsLoad(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/golden/*.txtar")
	fatal(t, err)
	// What is not here: the certificate that cert-manager makes.
	missing := map[string]string{"monitoring": "failed to find any PEM data in certificate input"}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			fatal(t, err)
			values := parse(t, string(archive.Files[0].Data))
			values["fullnameOverride"] = "ratify"
			p := newPod(t, values)
			p.run(t, cloudEnv(p.root), []*corev1.ConfigMap{configMap(map[string][]byte{"trust.rego": []byte(policy), "data.yaml": []byte("trust: {release: {}}")})})
			if want := missing[name]; want != "" {
				p.await(t, "refusing", func(context.Context) (bool, string) { return strings.Contains(p.printed(t), want), "" })
				return
			}
			p.await(t, "alive", func(ctx context.Context) (bool, string) { return p.answers(ctx, t, "/health") })
		})
	}
}

// `opa-ratify migrate` finds nothing to correct in the resources of the golden files, and
// everything in them has its counterpart.
func TestResourcesAreUnderstood(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/golden/*.txtar")
	fatal(t, err)
	with := 0
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		fatal(t, err)
		var resources []byte
		for _, file := range archive.Files {
			if bytes.HasPrefix(file.Data, []byte("apiVersion: config.ratify.deislabs.io/")) {
				resources = append(append(resources, "---\n"...), file.Data...)
			}
		}
		if resources == nil {
			continue
		}
		with++
		migrate := exec.CommandContext(t.Context(), binary, "migrate", "-")
		migrate.Stdin = bytes.NewReader(resources)
		if output, err := migrate.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, output)
		}
	}
	if with < 8 {
		t.Errorf("%d golden files have resources; want 8 or more", with)
	}
}
