// SPDX-License-Identifier: Apache-2.0

//go:build interop

package vaulttest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/test/vaulttest"
)

// question is a request; the token and the body are those of the server that is asked.
type question struct {
	name, method, path string
	token              string
	body               map[string]string
}

// TestTheFakeAnswersAsVaultDoes asks the real Vault and the fake, in the same state, the
// same questions.
func TestTheFakeAnswersAsVaultDoes(t *testing.T) {
	t.Parallel()
	vault, err := vaulttest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vault.Stop)
	world := prepare(t, vault)
	fake := world.fake(t, vault)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)

	for _, q := range world.questions() {
		want, got := ask(t, vault.Client, vault.Address, q), ask(t, server.Client(), server.URL, q)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-vault +fake):\n%s", q.name, diff)
		}
	}

	if err := vault.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	fake.Change(func(v *vaulttest.Vault) { v.Status = http.StatusServiceUnavailable })
	sealed := question{name: "sealed", method: http.MethodGet, path: "transit/keys/ecdsa-p256", token: world.token}
	if diff := cmp.Diff(ask(t, vault.Client, vault.Address, sealed), ask(t, server.Client(), server.URL, sealed)); diff != "" {
		t.Errorf("sealed: (-vault +fake):\n%s", diff)
	}
}

func (w world) questions() []question {
	read := func(name, key, token string) question {
		return question{name: name, method: http.MethodGet, path: "transit/keys/" + key, token: token}
	}
	login := func(name, method, who, user, proof, secret string) question {
		return question{name: name, method: http.MethodPost, path: "auth/" + method + "/login", body: map[string]string{who: user, proof: secret}}
	}
	all := []question{
		read("derived", "derived", w.token), read("an archived version", "archived", w.token), read("unknown key", "none", w.token),
		read("denied by policy", w.forbidden, w.token), read("wrong token", "ecdsa-p256", "hvs.wrong"), read("no token", "ecdsa-p256", ""),
		{name: "no mount", method: http.MethodGet, path: "elsewhere/keys/ecdsa-p256", token: w.token},
		{name: "own token", method: http.MethodGet, path: "auth/token/lookup-self", token: w.token},
		{name: "own wrong token", method: http.MethodGet, path: "auth/token/lookup-self", token: "hvs.wrong"},
		login("approle", "approle", "role_id", w.roleID, "secret_id", w.secretID),
		login("approle, wrong secret id", "approle", "role_id", w.roleID, "secret_id", "wrong"),
		login("approle, wrong role id", "approle", "role_id", "wrong", "secret_id", w.secretID),
		login("kubernetes", "kubernetes", "role", "ratify", "jwt", w.kubernetesToken),
		login("kubernetes, wrong role", "kubernetes", "role", "wrong", "jwt", w.kubernetesToken),
		login("kubernetes, token of another cluster", "kubernetes", "role", "ratify", "jwt", w.foreignToken),
		login("no such method", "ldap", "role", "ratify", "jwt", "x"),
	}
	for _, kind := range w.kinds {
		all = append(all, read(kind, kind, w.token))
	}
	return all
}

// answer is what of an answer a client sees.
type answer struct {
	Status int
	Errors []string
	Data   map[string]any // of a key: what the fake has too
	Auth   map[string]any
}

func ask(t *testing.T, client *http.Client, address string, q question) answer {
	t.Helper()
	raw, err := json.Marshal(q.body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), q.method, address+"/v1/"+q.path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", q.token)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	got := answer{Status: resp.StatusCode}
	if err != nil || json.Unmarshal(body, &got) != nil {
		t.Fatalf("%s: %v: %s", q.name, err, body)
	}
	got.Data = only(got.Data, "name", "type", "latest_version", "min_available_version", "min_decryption_version", "derived", "keys")
	got.Auth = only(got.Auth, "lease_duration", "renewable")
	if versions, ok := got.Data["keys"].(map[string]any); ok {
		got.Data["keys"] = timeless(versions)
	}
	return got
}

func only(has map[string]any, names ...string) map[string]any {
	has = maps.Clone(has)
	maps.DeleteFunc(has, func(name string, _ any) bool { return !slices.Contains(names, name) })
	return has
}

// timeless leaves out when versions were made.
func timeless(versions map[string]any) map[string]any {
	for n, version := range versions {
		switch v := version.(type) {
		case float64:
			versions[n] = "a time"
		case map[string]any:
			versions[n] = only(v, "name", "public_key")
		}
	}
	return versions
}
