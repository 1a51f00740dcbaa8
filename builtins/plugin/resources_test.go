// SPDX-License-Identifier: Apache-2.0

package plugin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/opa-ratify/opa-ratify/builtins/plugin"
	"github.com/opa-ratify/opa-ratify/test/kubetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// The service in use belongs to the process, so these tests run alone.

func TestResourcesAreFollowed(t *testing.T) { //nolint:paralleltest // see above
	api := kubetest.Start(t, "ratify", "ratify")
	api.Down(true)
	m := manager(t)
	config := fmt.Sprintf(`{"resources": {"watch": "kubernetes", "kubeconfig": %q}}`, api.Kubeconfig(t))
	p := create(t, m, config)
	m.Register(plugin.Name, p)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, m, plugins.StateErr, "the resources of the cluster have not been read yet")
	eventually(t, "the reason", func() bool {
		return strings.Contains(owned(t, m), `"pending":"the resources of the cluster have not been read yet: `)
	})

	ca, err := signtest.NewCA(signtest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	api.Apply("KeyManagementProvider", "", "acme", map[string]any{"type": "inline", "parameters": map[string]any{"contentType": "certificate", "value": string(ca.PEM())}})
	api.Apply("Verifier", "", "notation", map[string]any{
		"name": "notation", "artifactTypes": "application/vnd.cncf.notary.signature",
		"parameters": map[string]any{
			"verificationCertStores": map[string]any{"certs": []any{"acme"}},
			"trustPolicyDoc": map[string]any{"version": "1.0", "trustPolicies": []any{map[string]any{
				"name": "default", "registryScopes": []any{"*"}, "signatureVerification": map[string]any{"level": "strict"},
				"trustStores": []any{"ca:certs"}, "trustedIdentities": []any{"*"},
			}}},
		},
	})
	api.Apply("Store", "", "oras", map[string]any{"name": "oras", "parameters": map[string]any{"cosignEnabled": true, "ttl": 77}})
	api.Down(false)
	eventually(t, "trust", func() bool { return strings.Contains(owned(t, m), `"signers":["notation"]`) })
	eventually(t, "status", func() bool { return m.PluginStatus()[plugin.Name].State == plugins.StateOK })
	if ttl := plugin.TagTTL(p); ttl != 77*time.Second {
		t.Errorf("tag_ttl %v, want that of the store", ttl)
	}

	// The operator's settings come first, and the resources' stay.
	p.Reconfigure(t.Context(), validate(t, m, strings.Replace(config, `{`, `{"cache": {"tag_ttl": "9s"}, `, 1)))
	if ttl := plugin.TagTTL(p); ttl != 9*time.Second {
		t.Errorf("tag_ttl %v, want the operator's", ttl)
	}
	if !strings.Contains(owned(t, m), `"signers":["notation"]`) {
		t.Error("the trust is gone:", owned(t, m))
	}

	// Nobody watches: nothing is trusted.
	p.Reconfigure(t.Context(), validate(t, m, `{}`))
	if got := owned(t, m); !strings.Contains(got, "not watched any more") {
		t.Error(got)
	}
	p.Stop(t.Context())
}

func TestNoServiceAccount(t *testing.T) { //nolint:paralleltest // see above
	m := manager(t)
	p := create(t, m, `{"resources": {"watch": "kubernetes", "kubeconfig": "/nowhere/kubeconfig"}}`)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, m, plugins.StateErr, "plugins.ratify.resources.kubeconfig")
	if got := owned(t, m); !strings.Contains(got, `"pending":"plugins.ratify.resources.kubeconfig`) {
		t.Error(got)
	}
	p.Stop(t.Context())
}

// What the plugin writes belongs to nobody else.
func TestBundlesDoNotOwnTheResources(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"", plugin.Root, plugin.Root + "/trust"} {
		m := manager(t)
		inStore(t, m, func(ctx context.Context, txn storage.Transaction) error {
			return bundle.WriteManifestToStore(ctx, m.Store, txn, "wide", bundle.Manifest{Roots: &[]string{"trust", root}})
		})
		_, err := plugin.Factory{}.Validate(m, []byte(`{"resources": {"watch": "kubernetes"}}`))
		if err == nil || !strings.Contains(err.Error(), `the bundle "wide" has the root`) {
			t.Errorf("root %q: %v", root, err)
		}
		if _, err := (plugin.Factory{}).Validate(m, []byte(`{}`)); err != nil {
			t.Errorf("root %q without resources: %v", root, err)
		}
	}
}

func inStore(t *testing.T, m *plugins.Manager, do func(context.Context, storage.Transaction) error) {
	t.Helper()
	err := storage.Txn(t.Context(), m.Store, storage.WriteParams, func(txn storage.Transaction) error { return do(t.Context(), txn) })
	if err != nil {
		t.Fatal(err)
	}
}

// owned is the content of the plugin's root, JSON.
func owned(t *testing.T, m *plugins.Manager) string {
	t.Helper()
	content, err := storage.ReadOne(t.Context(), m.Store, storage.Path{plugin.Root})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	const patience = 30 * time.Second
	ticker, timeout := time.NewTicker(5*time.Millisecond), time.NewTimer(patience)
	defer ticker.Stop()
	defer timeout.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-timeout.C:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
