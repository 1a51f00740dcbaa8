// SPDX-License-Identifier: Apache-2.0

package plugin_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	keyservice "github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/plugin"
	"github.com/opa-ratify/opa-ratify/test/vaulttest"
)

func TestKeyProvidersMakeTheStatus(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	good := keyservice.Status{Provider: "a", Keys: 2}
	stale := keyservice.Status{Provider: "b", Keys: 1, Err: down}
	empty := keyservice.Status{Provider: "c", Err: down, Empty: true}
	pending := keyservice.Status{Provider: "d", Err: keyservice.ErrPending}
	for _, tt := range []struct {
		given   []keyservice.Status
		want    plugins.State
		message string
	}{
		{nil, plugins.StateOK, ""},
		{[]keyservice.Status{good}, plugins.StateOK, ""},
		{[]keyservice.Status{good, stale}, plugins.StateWarn, `key provider "b" has 1 keys in force: connection refused`},
		{[]keyservice.Status{stale, pending}, plugins.StateNotReady, `key provider "d" has 0 keys in force: the first fetch has not ended`},
		{[]keyservice.Status{pending, empty, good}, plugins.StateErr, `key provider "c" has 0 keys in force: connection refused`},
	} {
		state, message := plugin.KeysStatus(tt.given)
		if state != tt.want || !strings.HasSuffix(message, tt.message) {
			t.Errorf("%+v: %s %q, want %s %q", tt.given, state, message, tt.want, tt.message)
		}
	}
}

// A key service that cannot be asked is seen in the status, thus in
// /health?plugins, and in the metrics.
func TestOutageOfAKeyProviderIsSeen(t *testing.T) { //nolint:paralleltest // the service in use belongs to the process
	vault := &vaulttest.Vault{Token: "hvs.given", Status: http.StatusServiceUnavailable, Keys: map[string]vaulttest.Key{
		"release": {Type: "ecdsa-p256", Versions: []string{"-----BEGIN PUBLIC KEY-----"}},
	}}
	server := httptest.NewServer(vault)
	t.Cleanup(server.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("hvs.given"), 0o600); err != nil {
		t.Fatal(err)
	}
	section := `{"key_providers": [{"name": "vault", "type": "hashivault", "address": "` + server.URL + `", "keys": ["release"], "auth": {"token_file": "` + token + `"}}]}`

	registry := prometheus.NewRegistry()
	m := manager(t, plugins.WithPrometheusRegister(registry))
	states := make(chan plugins.Status, 100)
	m.RegisterPluginStatusListener("test", func(all map[string]*plugins.Status) { states <- *all[plugin.Name] })
	p := create(t, m, section)
	t.Cleanup(func() { service.Use(nil) })
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(t.Context()) })
	if got := await(states, plugins.StateErr); !strings.Contains(got.Message, `key provider "vault" has 0 keys in force: read key release: 503 Vault is sealed`) {
		t.Errorf("status %v", got)
	}
	wantMetric(t, registry, "ratify_key_provider_keys", 0)

	vault.Change(func(v *vaulttest.Vault) { v.Status = 0 })
	p.Reconfigure(t.Context(), validate(t, m, section))
	await(states, plugins.StateOK)
	wantMetric(t, registry, "ratify_key_provider_keys", 1)
}

// await returns the first status of that state; the test's own deadline bounds it.
func await(states <-chan plugins.Status, want plugins.State) plugins.Status {
	for s := range states {
		if s.State == want {
			return s
		}
	}
	return plugins.Status{}
}

func wantMetric(t *testing.T, r *prometheus.Registry, name string, value int) {
	t.Helper()
	want := fmt.Sprintf("# HELP %s Keys of a provider that are in force.\n# TYPE %s gauge\n%s{provider=\"vault\"} %d\n", name, name, name, value)
	if err := testutil.GatherAndCompare(r, strings.NewReader(want), name); err != nil {
		t.Error(err)
	}
}
