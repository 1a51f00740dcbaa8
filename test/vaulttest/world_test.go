// SPDX-License-Identifier: Apache-2.0

//go:build interop

package vaulttest_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/vaulttest"
)

// world is the state of both.
type world struct {
	kinds                      []string
	token, roleID, secretID    string
	kubernetesToken, forbidden string
	foreignToken               string // of another cluster
}

// prepare brings the real Vault into that state.
func prepare(t *testing.T, vault *vaulttest.Server) world {
	t.Helper()
	w := world{kinds: []string{"ecdsa-p256", "ecdsa-p384", "rsa-2048", "ed25519", "aes256-gcm96"}, forbidden: "secret"}
	cluster, token := newCluster(t)
	_, w.foreignToken = newCluster(t)
	w.kubernetesToken = token
	api := httptest.NewTLSServer(cluster)
	t.Cleanup(api.Close)
	call := func(path string, body any) map[string]any { return call(t, vault, path, body) }
	call("sys/mounts/transit", map[string]string{"type": "transit"})
	for _, kind := range w.kinds {
		call("transit/keys/"+kind, map[string]string{"type": kind})
	}
	call("transit/keys/derived", map[string]any{"type": "ed25519", "derived": true})
	call("transit/keys/"+w.forbidden, map[string]string{"type": "ed25519"})
	call("transit/keys/archived", map[string]string{"type": "ecdsa-p256"})
	call("transit/keys/archived/rotate", nil)
	call("transit/keys/archived/config", map[string]int{"min_decryption_version": 2})
	call("sys/policies/acl/ratify", map[string]string{"policy": `path "transit/keys/*" { capabilities = ["read"] }
path "transit/keys/secret" { capabilities = ["deny"] }
path "elsewhere/*" { capabilities = ["read"] }`})
	w.token = call("auth/token/create", map[string]any{"policies": []string{"ratify"}})["auth"].(map[string]any)["client_token"].(string)
	call("sys/auth/approle", map[string]string{"type": "approle"})
	call("auth/approle/role/ratify", map[string]any{"token_policies": "ratify", "token_ttl": 3600, "role_id": "role"})
	w.roleID = "role"
	w.secretID = call("auth/approle/role/ratify/secret-id", nil)["data"].(map[string]any)["secret_id"].(string)
	call("sys/auth/kubernetes", map[string]string{"type": "kubernetes"})
	call("auth/kubernetes/config", map[string]any{
		"kubernetes_host": api.URL, "disable_local_ca_jwt": true, "kubernetes_ca_cert": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})),
	})
	call("auth/kubernetes/role/ratify", map[string]any{
		"bound_service_account_names": "ratify", "bound_service_account_namespaces": "team", "token_policies": "ratify", "token_ttl": 3600,
	})
	return w
}

func newCluster(t *testing.T) (*vaulttest.Cluster, string) {
	t.Helper()
	cluster, err := vaulttest.NewCluster()
	if err != nil {
		t.Fatal(err)
	}
	token, err := cluster.Token("team", "ratify")
	if err != nil {
		t.Fatal(err)
	}
	return cluster, token
}

// fake is in the same state: its keys are those of the vault one.
func (w world) fake(t *testing.T, vault *vaulttest.Server) *vaulttest.Vault {
	t.Helper()
	v := &vaulttest.Vault{
		Token: w.token, AppRoles: map[string]string{w.roleID: w.secretID}, Roles: map[string]string{"ratify": w.kubernetesToken},
		Forbidden: map[string]bool{w.forbidden: true}, Keys: map[string]vaulttest.Key{w.forbidden: {}},
	}
	for _, name := range append([]string{"archived", "derived"}, w.kinds...) {
		var described struct {
			Data struct {
				Type   string                     `json:"type"`
				Latest int                        `json:"latest_version"`
				Oldest int                        `json:"min_decryption_version"`
				Keys   map[string]json.RawMessage `json:"keys"`
			} `json:"data"`
		}
		raw, err := vault.Call(t.Context(), http.MethodGet, "transit/keys/"+name, nil)
		if err != nil || json.Unmarshal(raw, &described) != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		key := vaulttest.Key{Type: described.Data.Type, Oldest: described.Data.Oldest, Derived: name == "derived"}
		for n := 1; n <= described.Data.Latest; n++ {
			var version struct {
				PublicKey string `json:"public_key"`
			}
			_ = json.Unmarshal(described.Data.Keys[fmt.Sprint(n)], &version) // a number for a symmetric key, nothing for an archived one
			key.Versions = append(key.Versions, version.PublicKey)
		}
		v.Keys[name] = key
	}
	return v
}

func call(t *testing.T, vault *vaulttest.Server, path string, body any) map[string]any {
	t.Helper()
	raw, err := vault.Call(t.Context(), http.MethodPost, path, body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if len(strings.TrimSpace(string(raw))) > 0 && json.Unmarshal(raw, &answer) != nil {
		t.Fatalf("%s: %s", path, raw)
	}
	return answer
}
