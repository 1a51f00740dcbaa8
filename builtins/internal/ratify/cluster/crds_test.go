// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/cluster"
)

// crd is as much of a CustomResourceDefinition as is compared.
type crd struct {
	Metadata struct{ Name string }
	Spec     struct {
		Group, Scope string
		Names        struct{ Kind, Plural string }
		Versions     []struct {
			Name            string
			Served, Storage bool
			Subresources    map[string]any
			Printed         []struct{ Name string } `yaml:"additionalPrinterColumns"`
			Schema          map[string]any
		}
	}
}

// The chart has a definition for each kind that is watched, and no other.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../../charts/opa-ratify/crds/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	defined := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d crd
		if err := yaml.Unmarshal(raw, &d); err != nil {
			t.Fatal(file, err)
		}
		defined[d.Spec.Names.Kind] = true
		d.check(t, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	watched := map[string]bool{}
	for _, s := range cluster.Sources(nil) {
		watched[s.Kind] = true
	}
	if diff := cmp.Diff(watched, defined); diff != "" {
		t.Errorf("kinds (-watched +defined):\n%s", diff)
	}
}

func (d crd) check(t *testing.T, plural string) {
	t.Helper()
	kind := d.Spec.Names.Kind
	scope := "Cluster"
	if strings.HasPrefix(kind, "Namespaced") || kind == "CertificateStore" {
		scope = "Namespaced"
	}
	want := []string{plural + ".config.ratify.deislabs.io", "config.ratify.deislabs.io", scope, plural}
	if diff := cmp.Diff(want, []string{d.Metadata.Name, d.Spec.Group, d.Spec.Scope, d.Spec.Names.Plural}); diff != "" {
		t.Errorf("%s (-want +got):\n%s", kind, diff)
	}
	columns := []string{"IsSuccess", "Error"}
	if strings.HasSuffix(kind, "KeyManagementProvider") || kind == "CertificateStore" {
		columns = append(columns, "LastFetchedTime")
	}
	if len(d.Spec.Versions) != 2 {
		t.Fatalf("%s has %d versions", kind, len(d.Spec.Versions))
	}
	for i, v := range d.Spec.Versions {
		name := []string{"v1beta1", "v1alpha1"}[i]
		var printed []string
		for _, c := range v.Printed {
			printed = append(printed, c.Name)
		}
		if v.Name != name || !v.Served || v.Storage != (i == 0) || v.Subresources["status"] == nil || !cmp.Equal(printed, columns) {
			t.Errorf("%s %s: %+v", kind, name, v)
		}
	}
}
