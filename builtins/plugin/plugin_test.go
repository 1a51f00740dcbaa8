// SPDX-License-Identifier: Apache-2.0

package plugin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/frameworks/constraint/pkg/externaldata"
	"github.com/open-policy-agent/opa/v1/config"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/plugin"
)

func TestValidateNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := plugin.Factory{}.Validate(manager(t), []byte(`{"timeout": "3", "gatekeeper": {"max_keys": 0}, "password": "hunter2"}`))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"plugins.ratify.timeout", "plugins.ratify.gatekeeper.max_keys", "plugins.ratify.password looks like a credential"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error repeats the credential: %v", err)
	}
}

// The service in use belongs to the process, so this test runs alone.
func TestServiceFollowsTheConfiguration(t *testing.T) { //nolint:paralleltest // see above
	m := manager(t)
	p := create(t, m, `{"allowed_registries": ["first.example"]}`)
	wantStatus(t, m, plugins.StateNotReady, "")

	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, m, plugins.StateOK, "")
	wantRefused(t, "second.example/app")

	m.Register(plugin.Name, p)
	if _, err := (plugin.Factory{}).Validate(m, []byte(`{"timeout": "never"}`)); err == nil {
		t.Fatal("accepted")
	}
	wantStatus(t, m, plugins.StateWarn, `the last good configuration stays in force: config: plugins.ratify.timeout "never": not a duration`)
	wantRefused(t, "second.example/app")

	p.Reconfigure(t.Context(), validate(t, m, `{"allowed_registries": ["second.example"]}`))
	wantStatus(t, m, plugins.StateOK, "")
	wantRefused(t, "first.example/app")

	p.Stop(t.Context())
	wantStatus(t, m, plugins.StateNotReady, "stopped")
	wantRefused(t, "first.example/app") // queries under way keep the configuration
}

// OPA builds the plugin again in the same process when its configuration file
// changes.
func TestAnotherInstanceTakesOver(t *testing.T) { //nolint:paralleltest // the service in use belongs to the process
	first, second := manager(t), manager(t)
	old := create(t, first, `{"allowed_registries": ["first.example"]}`)
	if err := old.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := create(t, second, `{"allowed_registries": ["second.example"]}`)
	if err := next.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	old.Stop(t.Context())
	wantRefused(t, "first.example/app")
}

func TestRoutesThatComeTooLateAreAWarning(t *testing.T) { //nolint:paralleltest // the service in use belongs to the process
	m := manager(t)
	m.ServerInitialized()
	if err := create(t, m, `{}`).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, m, plugins.StateWarn, "Gatekeeper is not served")
}

func TestEnsureAddsTheSectionOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ given, want map[string]json.RawMessage }{
		"no plugins":    {nil, map[string]json.RawMessage{"ratify": json.RawMessage("{}")}},
		"other plugins": {map[string]json.RawMessage{"other": nil}, map[string]json.RawMessage{"other": nil, "ratify": json.RawMessage("{}")}},
		"already there": {map[string]json.RawMessage{"ratify": json.RawMessage(`{"timeout":"3s"}`)}, map[string]json.RawMessage{"ratify": json.RawMessage(`{"timeout":"3s"}`)}},
	} {
		given, discovered := &config.Config{Plugins: tt.given}, &config.Config{Plugins: tt.given}
		if _, err := new(plugin.Ensure).OnConfig(t.Context(), given); err != nil {
			t.Fatal(err)
		}
		if _, err := new(plugin.Ensure).OnConfigDiscovery(t.Context(), discovered); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]map[string]json.RawMessage{tt.want, tt.want}, []map[string]json.RawMessage{given.Plugins, discovered.Plugins}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Evaluations for Gatekeeper use the caches of OPA's server: what one request
// left there is there in the next.
func TestCachesOfTheServerAreShared(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy})
	for _, want := range []string{"first", "again"} {
		items := s.ask(t, "v2/verify", "cached").Response.Items
		if diff := cmp.Diff([]externaldata.Item{{Key: "cached", Value: want}}, items); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func manager(t *testing.T, o ...func(*plugins.Manager)) *plugins.Manager {
	t.Helper()
	m, err := plugins.New([]byte("{}"), "test", inmem.New(), o...)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Stop(t.Context()) })
	return m
}

func validate(t *testing.T, m *plugins.Manager, section string) any {
	t.Helper()
	c, err := plugin.Factory{}.Validate(m, []byte(section))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func create(t *testing.T, m *plugins.Manager, section string) plugins.Plugin {
	t.Helper()
	return plugin.Factory{}.New(m, validate(t, m, section))
}

func wantStatus(t *testing.T, m *plugins.Manager, state plugins.State, message string) {
	t.Helper()
	got := m.PluginStatus()[plugin.Name]
	if got == nil || got.State != state || !strings.Contains(got.Message, message) {
		t.Errorf("status %v, want %s %q", got, state, message)
	}
}

// wantRefused checks that the service in use does not allow the image's
// registry, which needs no network.
func wantRefused(t *testing.T, image string) {
	t.Helper()
	s, err := service.Current()
	if err != nil {
		t.Fatal(err)
	}
	a := s.Resolve(t.Context(), service.Question{Image: image})
	if len(a.Errors) != 1 || a.Errors[0].Code != report.RegistryNotAllowed {
		t.Errorf("%s: got %+v, want %s", image, a.Errors, report.RegistryNotAllowed)
	}
}
