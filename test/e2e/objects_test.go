// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// withdraw removes cluster-wide objects when the scenario is over.
func (st *stage) withdraw(t *testing.T, objects ...object) {
	t.Helper()
	if err := st.remove(context.Background(), objects...); err != nil {
		t.Error(err)
	}
}

// applyProviders applies the shipped Providers under names of the scenario, for as long
// as it lasts.
func (st *stage) applyProviders(t *testing.T, ca []byte) {
	t.Helper()
	providers := shipped(t, "providers", "providers.yaml")
	for _, p := range providers {
		metadata, spec := p["metadata"].(object), p["spec"].(object)
		metadata["name"] = st.own(metadata["name"].(string))
		spec["url"] = strings.Replace(spec["url"].(string), "https://opa-ratify.opa-ratify.svc:6001", "https://"+st.options.Address, 1)
		spec["caBundle"] = ca
		spec["timeout"] = st.script.patience.verify
		if strings.HasSuffix(spec["url"].(string), "/mutate") {
			spec["timeout"] = st.script.patience.mutate
		}
	}
	t.Cleanup(func() { st.withdraw(t, providers...) })
	st.apply(t, providers...)
}

// own is the name of a shipped object in this scenario.
func (st *stage) own(name string) string {
	return strings.Replace(name, "ratify", st.script.name, 1)
}

// constraint is the shipped one, for this namespace and provider.
func (st *stage) constraint(t *testing.T) object {
	t.Helper()
	constraint := shipped(t, "constraints", "ratifyverification", "constraint.yaml")[0]
	constraint["metadata"].(object)["name"] = st.script.name
	spec := constraint["spec"].(object)
	spec["enforcementAction"] = cmp.Or(st.script.enforce, "deny")
	match := spec["match"].(object)
	delete(match, "excludedNamespaces")
	match["namespaces"] = []string{st.ns}
	spec["parameters"] = object{"provider": st.own("ratify-provider")}
	maps.Copy(spec, st.script.spec)
	return constraint
}

// assigns are the shipped mutators, for this namespace and provider.
func (st *stage) assigns(t *testing.T) []object {
	t.Helper()
	assigns := shipped(t, "assign", "assign.yaml")
	for _, a := range assigns {
		metadata, spec := a["metadata"].(object), a["spec"].(object)
		metadata["name"] = st.own(metadata["name"].(string))
		spec["match"] = object{"scope": "Namespaced", "namespaces": []string{st.ns}}
		external := spec["parameters"].(object)["assign"].(object)["externalData"].(object)
		external["provider"] = st.own("ratify-mutation-provider")
	}
	return assigns
}

// shipped reads objects of bundles/gatekeeper.
func shipped(t *testing.T, path ...string) []object {
	t.Helper()
	path = append([]string{servetest.Product, "bundles", "gatekeeper", "kubernetes"}, path...)
	return clone(t, readObjects(t, filepath.Join(path...)))
}

// applyTemplates applies the shipped constraint templates, which all scenarios share.
func (w *world) applyTemplates(t *testing.T) {
	t.Helper()
	w.apply(t, shipped(t, "templates", "templates.yaml")...)
	w.untilTemplates(t)
}

// untilTemplates waits until Gatekeeper has made the kinds of the templates.
func (w *world) untilTemplates(t *testing.T) {
	t.Helper()
	eventually(t, time.Minute, "Gatekeeper to make the kinds of the templates", func() error {
		output, err := w.run(t.Context(), nil, w.tools.path("kubectl"), "wait", "--for", "condition=Established", "--timeout", "5s",
			"crd/ratifyverification.constraints.gatekeeper.sh")
		if err != nil {
			return fmt.Errorf("%w: %s", err, bytes.TrimSpace([]byte(output)))
		}
		return nil
	})
}
