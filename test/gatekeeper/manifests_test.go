// SPDX-License-Identifier: Apache-2.0

package gatekeeper_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/v1beta1"
	"github.com/open-policy-agent/opa/v1/ast"
	"gopkg.in/yaml.v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// manifests is where the bundle keeps what is applied to a cluster.
func manifests() string {
	return filepath.Join(servetest.Product, "bundles", "gatekeeper", "kubernetes")
}

// decode reads a file as kubectl does, and refuses fields that T does not have.
func decode[T any](t *testing.T, path ...string) T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(manifests(), filepath.Join(path...)))
	fatal(t, err)
	var document any
	fatal(t, yaml.Unmarshal(raw, &document))
	raw, err = json.Marshal(document)
	fatal(t, err)
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var v T
	fatal(t, decoder.Decode(&v))
	return v
}

// list is a List of one kind.
type list[T any] struct {
	metav1.TypeMeta
	Items []T `json:"items"`
}

// constraintTemplate has the fields that the shipped templates use.
//
// Spec: templates.gatekeeper.sh/v1, ConstraintTemplate.
type constraintTemplate struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		CRD struct {
			Spec struct {
				Names struct {
					Kind string `json:"kind"`
				} `json:"names"`
				Validation struct {
					OpenAPIV3Schema struct {
						Type       string              `json:"type"`
						Required   []string            `json:"required"`
						Properties map[string]property `json:"properties"`
					} `json:"openAPIV3Schema"`
				} `json:"validation"`
			} `json:"spec"`
		} `json:"crd"`
		Targets []struct {
			Target string   `json:"target"`
			Rego   string   `json:"rego"`
			Libs   []string `json:"libs"`
		} `json:"targets"`
	} `json:"spec"`
}

type property struct {
	Description string `json:"description"`
	Type        string `json:"type"`
}

// match is what constraints and mutators have in common.
type match struct {
	Scope              string   `json:"scope"`
	ExcludedNamespaces []string `json:"excludedNamespaces"`
	Kinds              []struct {
		APIGroups []string `json:"apiGroups"`
		Kinds     []string `json:"kinds"`
	} `json:"kinds"`
}

// constraint is one of a shipped template's kind.
type constraint struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		EnforcementAction string         `json:"enforcementAction"`
		Match             match          `json:"match"`
		Parameters        map[string]any `json:"parameters"`
	} `json:"spec"`
}

// assign has the fields that the shipped mutators use.
//
// Spec: mutations.gatekeeper.sh/v1, Assign.
type assign struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		ApplyTo []struct {
			Groups   []string `json:"groups"`
			Kinds    []string `json:"kinds"`
			Versions []string `json:"versions"`
		} `json:"applyTo"`
		Match      match  `json:"match"`
		Location   string `json:"location"`
		Parameters struct {
			PathTests []struct {
				SubPath   string `json:"subPath"`
				Condition string `json:"condition"`
			} `json:"pathTests"`
			Assign struct {
				ExternalData struct {
					Provider      string `json:"provider"`
					DataSource    string `json:"dataSource"`
					FailurePolicy string `json:"failurePolicy"`
				} `json:"externalData"`
			} `json:"assign"`
		} `json:"parameters"`
	} `json:"spec"`
}

// templates are the shipped ones by kind.
func templates(t *testing.T) map[string]constraintTemplate {
	t.Helper()
	byKind := map[string]constraintTemplate{}
	for _, template := range decode[list[constraintTemplate]](t, "templates", "templates.yaml").Items {
		byKind[template.Spec.CRD.Spec.Names.Kind] = template
	}
	return byKind
}

// Gatekeeper refuses templates that are not named for their kind, and Rego with other
// imports than data.lib and future.keywords.
func TestTemplatesAreWellFormed(t *testing.T) {
	t.Parallel()
	found := templates(t)
	for _, kind := range []string{
		"RatifyVerification", "notationvalidation", "NotationIssuerValidation", "NotationNestedValidation",
		"SbomValidation", "VulnerabilityReportValidation",
	} {
		template, ok := found[kind]
		if !ok {
			t.Errorf("no template for %s", kind)
			continue
		}
		if template.Metadata.Name != strings.ToLower(kind) || template.APIVersion != "templates.gatekeeper.sh/v1" {
			t.Errorf("%s: name %q, apiVersion %q", kind, template.Metadata.Name, template.APIVersion)
		}
		for path, m := range template.modules(t) {
			for _, i := range m.Imports {
				if ref := i.Path.String(); !strings.HasPrefix(ref, "data.lib.") && !strings.HasPrefix(ref, "future.keywords") {
					t.Errorf("%s: imports %s", path, ref)
				}
			}
		}
	}
}

// modules parses the Rego as Gatekeeper does: of version 0, where nothing else is said.
func (c constraintTemplate) modules(t *testing.T) map[string]*ast.Module {
	t.Helper()
	modules := map[string]*ast.Module{}
	for _, target := range c.Spec.Targets {
		for i, source := range append(slices.Clone(target.Libs), target.Rego) {
			m, err := ast.ParseModuleWithOpts(fmt.Sprintf("%s/%d.rego", c.Metadata.Name, i), source, ast.ParserOptions{RegoVersion: ast.RegoV0})
			fatal(t, err)
			modules[m.Package.Path.String()] = m
		}
	}
	return modules
}

// workloads are the kinds that have images.
func workloads() []string {
	return []string{
		"Pod", "PodTemplate", "ReplicationController", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob",
	}
}

func TestConstraintsAskAboutEveryWorkload(t *testing.T) {
	t.Parallel()
	for kind, template := range templates(t) {
		c := decode[constraint](t, "constraints", template.Metadata.Name, "constraint.yaml")
		if c.Kind != kind || c.Spec.EnforcementAction != "deny" {
			t.Errorf("%s: kind %q, action %q", kind, c.Kind, c.Spec.EnforcementAction)
		}
		var kinds []string
		for _, k := range c.Spec.Match.Kinds {
			kinds = append(kinds, k.Kinds...)
		}
		for _, workload := range workloads() {
			if !slices.Contains(kinds, workload) {
				t.Errorf("%s does not ask about %s", kind, workload)
			}
		}
		schema := template.Spec.CRD.Spec.Validation.OpenAPIV3Schema
		for name := range c.Spec.Parameters {
			if _, ok := schema.Properties[name]; !ok {
				t.Errorf("%s has no parameter %s", kind, name)
			}
		}
		for _, name := range schema.Required {
			if _, ok := c.Spec.Parameters[name]; !ok {
				t.Errorf("constraint %s lacks parameter %s", kind, name)
			}
		}
	}
}

func TestMutatorsPinEveryImage(t *testing.T) {
	t.Parallel()
	pinned := map[string][]string{} // by kind
	for _, a := range decode[list[assign]](t, "assign", "assign.yaml").Items {
		external := a.Spec.Parameters.Assign.ExternalData
		if external.Provider != "ratify-mutation-provider" || external.FailurePolicy != "Fail" || external.DataSource != "ValueAtLocation" {
			t.Errorf("%s: %+v", a.Metadata.Name, external)
		}
		for _, to := range a.Spec.ApplyTo {
			for _, kind := range to.Kinds {
				pinned[kind] = append(pinned[kind], a.Spec.Location)
			}
		}
		if strings.Contains(a.Spec.Location, "volumes") && len(a.Spec.Parameters.PathTests) != 1 {
			t.Errorf("%s would make every volume an image volume", a.Metadata.Name)
		}
	}
	specs := map[string]string{"Pod": "spec", "PodTemplate": "template.spec", "CronJob": "spec.jobTemplate.spec.template.spec"}
	for _, kind := range workloads() {
		spec, ok := specs[kind]
		if !ok {
			spec = "spec.template.spec"
		}
		want := []string{spec + ".containers[name:*].image", spec + ".initContainers[name:*].image", spec + ".volumes[name:*].image.reference"}
		if kind == "Pod" {
			want = append(want, spec+".ephemeralContainers[name:*].image")
		}
		slices.Sort(want)
		slices.Sort(pinned[kind])
		if !slices.Equal(pinned[kind], want) {
			t.Errorf("%s: %q, want %q", kind, pinned[kind], want)
		}
	}
}

func TestProvidersAskTheRoutes(t *testing.T) {
	t.Parallel()
	found := map[string]string{}
	for _, p := range decode[list[v1beta1.Provider]](t, "providers", "providers.yaml").Items {
		if p.APIVersion != "externaldata.gatekeeper.sh/v1beta1" || p.Kind != "Provider" || p.Spec.Timeout == 0 {
			t.Errorf("%+v", p)
		}
		found[p.Name] = p.Spec.URL
	}
	for name, path := range map[string]string{
		"ratify-provider": "/ratify/gatekeeper/v1/verify", "ratify-mutation-provider": "/ratify/gatekeeper/v1/mutate",
	} {
		if !strings.HasPrefix(found[name], "https://") || !strings.HasSuffix(found[name], path) {
			t.Errorf("%s: %q", name, found[name])
		}
	}
}

// TestReadmeShowsTheDenial compares the message in the README with what the template says.
func TestReadmeShowsTheDenial(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	image := s.push(t, "acme/tool")
	p := s.serveBundle(t, nil)
	readme, err := os.ReadFile(filepath.Join(manifests(), "..", "README.md"))
	fatal(t, err)
	for _, message := range p.judge(t, "RatifyVerification", nil, pod(s.registry.Host()+"/acme/tool:v1")) {
		message = strings.ReplaceAll(message, s.registry.Host(), "registry.example")
		message = "[ratify-constraint] " + strings.ReplaceAll(message, image.Digest.String(), "sha256:…")
		if !strings.Contains(string(readme), message) {
			t.Errorf("README.md does not show: %s", message)
		}
	}
}
