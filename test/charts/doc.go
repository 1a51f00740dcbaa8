// SPDX-License-Identifier: Apache-2.0

// Package charts renders charts/opa-ratify with Helm's own engine and judges what
// comes out: object by object against the Go types of Kubernetes, Gatekeeper,
// cert-manager and Prometheus; as a whole against testdata/golden; and in the real
// binary, which is run as the rendered Deployment says and asked as Gatekeeper asks.
package charts

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"
)

// Chart is the chart, seen from this package.
const Chart = "../../charts/opa-ratify"

// Release is what is installed, and where.
type Release struct {
	// Name of the release. "": ratify.
	Name string
	// Namespace of the release. "": gatekeeper-system.
	Namespace string
	// Cluster answers `lookup`. Required.
	Cluster engine.ClientProvider
	// APIs that the cluster has besides Kubernetes' own, "GROUP/VERSION/KIND".
	APIs []string
	// Upgrade of a release that is there.
	Upgrade bool
}

// Object is one rendered object.
type Object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	// YAML of the whole.
	YAML []byte `json:"-"`
}

// ID names the object in a release.
func (o Object) ID() string {
	return strings.TrimSuffix(o.Kind+" "+path.Join(o.Metadata.Namespace, o.Metadata.Name), " ")
}

// Render does what `helm install` does before it asks the cluster to create objects:
// check the values by the schema, render, and put the objects in order. The notes
// are those that Helm would print.
func Render(release Release, values map[string]any) (objects []Object, notes string, err error) {
	c, err := loader.Load(Chart)
	if err != nil {
		return nil, "", err
	}
	capabilities := *chartutil.DefaultCapabilities
	capabilities.KubeVersion = chartutil.KubeVersion{Version: "v1.37.0", Major: "1", Minor: "37"}
	capabilities.APIVersions = append(slices.Clone(capabilities.APIVersions), release.APIs...)
	options := chartutil.ReleaseOptions{Name: or(release.Name, "ratify"), Namespace: or(release.Namespace, "gatekeeper-system"), IsInstall: !release.Upgrade, IsUpgrade: release.Upgrade, Revision: 1}
	top, err := chartutil.ToRenderValues(c, values, options, &capabilities)
	if err != nil {
		return nil, "", err
	}
	files, err := engine.RenderWithClientProvider(c, top, release.Cluster)
	if err != nil {
		return nil, "", err
	}
	notesFile := path.Join(c.Name(), "templates", "NOTES.txt")
	notes = files[notesFile]
	delete(files, notesFile)
	hooks, manifests, err := releaseutil.SortManifests(files, capabilities.APIVersions, releaseutil.InstallOrder)
	if err != nil {
		return nil, "", err
	}
	if len(hooks) > 0 {
		return nil, "", fmt.Errorf("%s: is a hook, which users cannot edit", hooks[0].Path)
	}
	for _, m := range manifests {
		object := Object{YAML: []byte(m.Content)}
		if err := yaml.Unmarshal(object.YAML, &object); err != nil {
			return nil, "", fmt.Errorf("%s: %w", m.Name, err)
		}
		objects = append(objects, object)
	}
	return objects, notes, nil
}

func or(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}
