// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/google/go-cmp/cmp"
	externaldatav1beta1 "github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/v1beta1"
	templatesv1 "github.com/open-policy-agent/frameworks/constraint/pkg/apis/templates/v1"
	mutationsv1 "github.com/open-policy-agent/gatekeeper/v3/apis/mutations/v1"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"golang.org/x/tools/txtar"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/opa-ratify/opa-ratify/test/charts"
)

var update = flag.Bool("update", false, "write the golden files")

// Each file has values and what becomes of them: the objects that differ from those
// of default.txtar, and the notes. What is made at random and what is a file of the
// chart is left out.
func TestGolden(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/golden/*.txtar")
	fatal(t, err)
	if len(paths) < 12 {
		t.Fatalf("%d golden files; there were 12 or more", len(paths))
	}
	byDefault := rendered(t, "testdata/golden/default.txtar", nil)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			base := byDefault
			if filepath.Base(path) == "default.txtar" {
				base = nil
			}
			got := txtar.Format(rendered(t, path, base))
			if *update {
				fatal(t, os.WriteFile(path, got, 0o600))
				return
			}
			want, err := os.ReadFile(path)
			fatal(t, err)
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s; if this is meant, go test -update (-want +got):\n%s", path, diff)
			}
		})
	}
}

// rendered is the file with what is rendered from its values now.
func rendered(t *testing.T, path string, base *txtar.Archive) *txtar.Archive {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	fatal(t, err)
	values := parse(t, string(archive.Files[0].Data))
	release := charts.Release{Cluster: newCluster(
		secret("gatekeeper-system", "gatekeeper-webhook-server-cert", map[string][]byte{"ca.crt": []byte("-----BEGIN CERTIFICATE-----\nGatekeeper\n-----END CERTIFICATE-----\n")}),
	)}
	for line := range strings.Lines(string(archive.Comment)) {
		if namespace, ok := strings.CutPrefix(line, "namespace: "); ok {
			release.Namespace = strings.TrimSpace(namespace)
		}
		if api, ok := strings.CutPrefix(line, "api: "); ok {
			release.APIs = append(release.APIs, strings.TrimSpace(api))
		}
	}
	objects, notes, err := charts.Render(release, values)
	fatal(t, err)
	out := &txtar.Archive{Comment: archive.Comment, Files: archive.Files[:1]}
	var same []string
	for _, o := range objects {
		decodes(t, o)
		file := txtar.File{Name: o.ID(), Data: printed(t, o)}
		if base != nil && contains(base, file) {
			same = append(same, o.ID())
			continue
		}
		out.Files = append(out.Files, file)
	}
	out.Files = append(out.Files, txtar.File{Name: "as by default", Data: []byte(strings.Join(append(same, ""), "\n"))})
	out.Files = append(out.Files, txtar.File{Name: "notes", Data: []byte(strings.TrimRight(notes, "\n") + "\n")})
	return out
}

func contains(archive *txtar.Archive, file txtar.File) bool {
	for _, f := range archive.Files {
		if f.Name == file.Name && bytes.Equal(f.Data, file.Data) {
			return true
		}
	}
	return false
}

// printed is an object for people: without what is the same everywhere.
func printed(t *testing.T, o charts.Object) []byte {
	t.Helper()
	var content map[string]any
	fatal(t, yaml.Unmarshal(o.YAML, &content))
	var copied []string
	for _, pattern := range []string{"files/*/*.rego", "files/system/*/*.rego"} {
		paths, err := filepath.Glob(filepath.Join(charts.Chart, pattern))
		fatal(t, err)
		copied = append(copied, paths...)
	}
	data, _ := content["data"].(map[string]any)
	for _, file := range copied {
		if _, ok := data[filepath.Base(file)]; ok {
			data[filepath.Base(file)] = "(a file of the chart)"
		}
	}
	if o.Kind == "ConstraintTemplate" {
		content["spec"] = "(files/templates.yaml)"
	}
	labels, _ := content["metadata"].(map[string]any)["labels"].(map[string]any)
	maps.DeleteFunc(labels, func(key string, _ any) bool {
		return o.Kind != "Deployment" && (strings.HasPrefix(key, "app.kubernetes.io/") || key == "helm.sh/chart")
	})
	raw, err := yaml.Marshal(content)
	fatal(t, err)
	raw = regexp.MustCompile(`checksum/configuration: \w+`).ReplaceAll(raw, []byte("checksum/configuration: (sum)"))
	return regexp.MustCompile(`LS0tLS1CRUdJTi\S+`).ReplaceAllFunc(raw, shown)
}

// shown says what stands in base64, and the text if it is nothing random.
func shown(encoded []byte) []byte {
	text, err := base64.StdEncoding.DecodeString(string(encoded))
	kind, rest, _ := strings.Cut(strings.TrimPrefix(string(text), "-----BEGIN "), "-----")
	if err == nil && len(rest) < 200 {
		return encoded
	}
	return fmt.Appendf(nil, "(%s)", kind)
}

// kinds are the types of what the chart renders.
func kinds() map[string]any {
	return map[string]any{
		"v1 ConfigMap": &corev1.ConfigMap{}, "v1 Secret": &corev1.Secret{}, "v1 Service": &corev1.Service{}, "v1 ServiceAccount": &corev1.ServiceAccount{},
		"apps/v1 Deployment": &appsv1.Deployment{}, "policy/v1 PodDisruptionBudget": &policyv1.PodDisruptionBudget{},
		"autoscaling/v2 HorizontalPodAutoscaler": &autoscalingv2.HorizontalPodAutoscaler{}, "networking.k8s.io/v1 NetworkPolicy": &networkingv1.NetworkPolicy{},
		"rbac.authorization.k8s.io/v1 Role": &rbacv1.Role{}, "rbac.authorization.k8s.io/v1 RoleBinding": &rbacv1.RoleBinding{},
		"rbac.authorization.k8s.io/v1 ClusterRole": &rbacv1.ClusterRole{}, "rbac.authorization.k8s.io/v1 ClusterRoleBinding": &rbacv1.ClusterRoleBinding{},
		"externaldata.gatekeeper.sh/v1beta1 Provider": &externaldatav1beta1.Provider{}, "mutations.gatekeeper.sh/v1 Assign": &mutationsv1.Assign{},
		"templates.gatekeeper.sh/v1 ConstraintTemplate": &templatesv1.ConstraintTemplate{},
		"cert-manager.io/v1 Certificate":                &certmanagerv1.Certificate{}, "cert-manager.io/v1 Issuer": &certmanagerv1.Issuer{},
		"monitoring.coreos.com/v1 ServiceMonitor": &monitoringv1.ServiceMonitor{}, "monitoring.coreos.com/v1 PrometheusRule": &monitoringv1.PrometheusRule{},
	}
}

// constraint has the fields that every constraint may have; its parameters are its
// template's.
type constraint struct {
	metav1.TypeMeta
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		EnforcementAction string         `json:"enforcementAction"`
		Parameters        map[string]any `json:"parameters"`
		Match             struct {
			Kinds []struct {
				APIGroups []string `json:"apiGroups"`
				Kinds     []string `json:"kinds"`
			} `json:"kinds"`
			ExcludedNamespaces []string `json:"excludedNamespaces"`
		} `json:"match"`
	} `json:"spec"`
}

const ratifyVersion = "config.ratify.deislabs.io/v1beta1"

// resource is one of Ratify's; its parameters are its type's.
type resource struct {
	metav1.TypeMeta
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Name            string         `json:"name"`
		Type            string         `json:"type"`
		ArtifactTypes   string         `json:"artifactTypes"`
		RefreshInterval string         `json:"refreshInterval"`
		Parameters      map[string]any `json:"parameters"`
	} `json:"spec"`
}

// decodes refuses fields that a type does not have, and keys that are there twice.
func decodes(t *testing.T, o charts.Object) {
	t.Helper()
	typed := kinds()[o.APIVersion+" "+o.Kind]
	if o.APIVersion == "constraints.gatekeeper.sh/v1beta1" {
		typed = &constraint{}
	}
	if o.APIVersion == ratifyVersion {
		typed = &resource{}
	}
	if typed == nil {
		t.Errorf("%s: %s %s is no kind that is known here; add its type", o.ID(), o.APIVersion, o.Kind)
		return
	}
	raw, err := yaml.YAMLToJSONStrict(o.YAML)
	fatal(t, err)
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(typed); err != nil {
		t.Errorf("%s: %v", o.ID(), err)
	}
}
